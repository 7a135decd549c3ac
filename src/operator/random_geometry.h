/* Random geometries for proof: legal, small, and odd. */
#ifndef TW_OPERATOR_RANDOM_GEOMETRY_H
#define TW_OPERATOR_RANDOM_GEOMETRY_H

#include <twill/geometry.h>

#include "base/random.h"

/* The next legal geometry of the stream, with at most `most_products` pairs of output and weight in its batch
 * (at least 1000). */
tw_geometry tw_geometry_random(tw_random *random, int64_t most_products);

#endif
