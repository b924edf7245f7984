/* Exponential, hyperbolic tangent, logistic and error function on vectors of floats, to about 2
 * units in the last place.
 *
 * Coefficients are our own near-minimax fits (least squares reweighted at Chebyshev nodes, in
 * double precision). NaN gives NaN, infinities their limits; results that are subnormal are
 * computed, not flushed. */
#ifndef NEREID_BACKEND_CPU_KERNELS_VMATH_H
#define NEREID_BACKEND_CPU_KERNELS_VMATH_H

#include "backend/cpu/kernels/vec.h"

/* exp(x) = 2^n * exp(r), |r| <= ln 2 / 2. 2^n in two factors, as n goes from -150 to 128. */
INLINE vf v_exp(vf x)
{
	vf n, r, p;
	vi i, half;

	x = v_min(v_set(89.0f), v_max(v_set(-104.0f), x));
	n = v_round(x * v_set(1.44269504f));
	r = x - n * v_set(0.693359375f);
	r = r - n * v_set(-2.12194440e-4f);
	p = v_set(1.991938981e-04f);
	p = p * r + v_set(1.394722469e-03f);
	p = p * r + v_set(8.333262619e-03f);
	p = p * r + v_set(4.166625376e-02f);
	p = p * r + v_set(1.666666687e-01f);
	p = p * r + v_set(5.000000083e-01f);
	p = p * (r * r) + r + v_set(1);
	i = v_to_int(n);
	half = i >> 1;
	return p * v_from_bits((half + 127) << 23) * v_from_bits((i - half + 127) << 23);
}

INLINE vf v_sigmoid(vf x) { return v_set(1) / (v_set(1) + v_exp(-x)); }

INLINE vf v_tanh(vf x)
{
	vf a = v_abs(x), z = x * x, p, big;

	p = v_set(-5.717036643e-03f);
	p = p * z + v_set(2.065057908e-02f);
	p = p * z + v_set(-5.374349529e-02f);
	p = p * z + v_set(1.333149125e-01f);
	p = p * z + v_set(-3.333328392e-01f);
	p = p * z * x + x;
	big = v_set(1) - v_set(2) / (v_exp(a + a) + v_set(1));
	big = v_from_bits(v_bits(big) | (v_bits(x) & INT32_MIN));
	return v_pick(a < v_set(0.625f), p, big);
}

/* Up to 1 an odd polynomial; above, 1 - exp(polynomial). */
INLINE vf v_erf(vf x)
{
	vf a = v_min(v_set(4), v_abs(x)), z = x * x, p, q;

	p = v_set(7.889119515e-05f);
	p = p * z + v_set(-8.020841275e-04f);
	p = p * z + v_set(5.189535339e-03f);
	p = p * z + v_set(-2.685444459e-02f);
	p = p * z + v_set(1.128360018e-01f);
	p = p * z + v_set(-3.761262714e-01f);
	p = p * z + v_set(1.128379166f);
	q = v_set(-2.149611799e-05f);
	q = q * a + v_set(4.391064217e-04f);
	q = q * a + v_set(-4.193611312e-03f);
	q = q * a + v_set(2.517896837e-02f);
	q = q * a + v_set(-1.083724794e-01f);
	q = q * a + v_set(-6.332626115e-01f);
	q = q * a + v_set(-1.129556831f);
	q = q * a + v_set(1.834442152e-04f);
	q = v_set(1) - v_exp(q);
	q = v_from_bits(v_bits(q) | (v_bits(x) & INT32_MIN));
	return v_pick(a < v_set(1), p * x, q);
}

#endif
