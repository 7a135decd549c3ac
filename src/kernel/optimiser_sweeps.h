/* A step of an optimiser over `real`: each weight by itself, read once and written once. What comes out is
 * looked at on the way: a number is finite when it is itself taken off itself. */
static bool sgd(const tw_update *u) {
    const real *restrict g = u->gradient, *restrict from = u->from;
    real *restrict to = u->to, *restrict v = u->first;
    real decay = (real)u->decay, momentum = (real)u->momentum, rate = (real)u->rate;
    real now = u->nesterov ? 1 : 0, velocity = u->nesterov ? momentum : 1;
    integer lost = 0;
    for (int64_t i = 0; i < u->n; i++) {
        real slope = g[i] + decay * from[i];
        v[i] = momentum * v[i] + slope;
        to[i] = from[i] - rate * (now * slope + velocity * v[i]);
        lost |= to[i] - to[i] != 0;
    }
    return !lost;
}

static bool adam(const tw_update *u) {
    const real *restrict g = u->gradient, *restrict from = u->from;
    real *restrict to = u->to, *restrict m = u->first, *restrict v = u->second;
    real decay = (real)u->decay, rate = (real)u->rate, epsilon = (real)u->epsilon;
    real beta1 = (real)u->momentum, rest1 = (real)(1 - u->momentum), whole1 = (real)u->correction1;
    real beta2 = (real)u->beta2, rest2 = (real)(1 - u->beta2), whole2 = (real)u->correction2;
    integer lost = 0;
    for (int64_t i = 0; i < u->n; i++) {
        real slope = g[i] + decay * from[i];
        m[i] = beta1 * m[i] + rest1 * slope;
        v[i] = beta2 * v[i] + rest2 * (slope * slope);
        to[i] = from[i] - rate * (m[i] * whole1) / (sqrt_real(v[i] * whole2) + epsilon);
        lost |= to[i] - to[i] != 0;
    }
    return !lost;
}
