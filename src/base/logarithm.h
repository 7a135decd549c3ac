/* The natural logarithm with the same bits on every machine. */
#ifndef TW_BASE_LOGARITHM_H
#define TW_BASE_LOGARITHM_H

/* log x within 2 units in the last place, for positive finite x. */
double tw_log(double x);

#endif
