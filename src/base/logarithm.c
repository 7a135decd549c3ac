/* log from additions, products and one division in a written order: libm's differ in the last bit from one
 * machine to the next.
 *
 * log(2^e m) = e log 2 + 2 artanh((m - 1) / (m + 1)), with m between sqrt(1/2) and sqrt(2): the series'
 * argument is below 0.1716, and its 12th term below 2^-60. */
#include "base/logarithm.h"

#include <math.h>

double tw_log(double x) {
    int exponent;
    double m = frexp(x, &exponent);
    if (m < 0.70710678118654752) m *= 2, exponent--;
    double z = (m - 1) / (m + 1), square = z * z, sum = 0;
    for (int n = 23; n >= 1; n -= 2) sum = sum * square + 1.0 / n;
    return exponent * 0.69314718055994531 + 2 * z * sum;
}
