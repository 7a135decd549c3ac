/* All of Twill. The pieces, simplest first: conv.h (a convolution and its gradients), matrix.h (the same as a
 * sparse matrix), operator.h (its norms), net.h, data.h, train.h, model.h (networks), check.h (proof),
 * machine.h and status.h. */
#ifndef TWILL_TWILL_H
#define TWILL_TWILL_H

#include <twill/check.h>
#include <twill/conv.h>
#include <twill/data.h>
#include <twill/geometry.h>
#include <twill/machine.h>
#include <twill/matrix.h>
#include <twill/model.h>
#include <twill/net.h>
#include <twill/operator.h>
#include <twill/status.h>
#include <twill/train.h>

#endif
