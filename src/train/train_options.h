/* Whether options, network and data fit each other. */
#ifndef TW_TRAIN_TRAIN_OPTIONS_H
#define TW_TRAIN_TRAIN_OPTIONS_H

#include <twill/train.h>

/* ARGUMENT names the first field outside its range, its value and the range; VERSION: another struct_size. */
tw_status tw_train_options_check(const tw_train_options *options);
/* The data's images and classes are the network's; SHAPE otherwise. ARGUMENT: no samples at all. */
tw_status tw_train_data_check(const tw_net *net, const tw_data *data);

#endif
