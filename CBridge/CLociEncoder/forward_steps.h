// Steps of a layer, each for some rows and panels. Rows are of the whole pass; panels are those of the step's product.
#ifndef LOCI_ENCODER_FORWARD_STEPS_H
#define LOCI_ENCODER_FORWARD_STEPS_H

#include "pass.h"

void loci_step_qkv(
    const loci_pass *pass, const loci_packed_linear *linear, size_t from, size_t to, size_t panel_from,
    size_t panel_to);

/// One head of one text.
void loci_step_attention(const loci_pass *pass, size_t text, size_t head, size_t worker);

/// int8: rounds rows of attention's result.
void loci_step_narrow_context(const loci_pass *pass, size_t from, size_t to);

/// states += context · weightᵀ + bias.
void loci_step_output(
    const loci_pass *pass, const loci_packed_linear *linear, size_t from, size_t to, size_t panel_from,
    size_t panel_to);

/// Normalises rows of the states and makes their narrow copies.
void loci_step_norm(
    const loci_pass *pass, const float *gain, const float *bias, const float *inverse, size_t from, size_t to);

/// Wide activations of rows [from, to), at most LOCI_BLOCK_ROWS, go to the worker's first rows.
void loci_step_up(
    const loci_pass *pass, const loci_packed_linear *linear, size_t from, size_t to, size_t panel_from,
    size_t panel_to, size_t worker);

/// int8: rounds rows [from, to) of the worker's wide activations.
void loci_step_narrow_wide(const loci_pass *pass, size_t from, size_t to, size_t worker);

/// states += wide · weightᵀ + bias, for the rows that loci_step_up was given.
void loci_step_down(
    const loci_pass *pass, const loci_packed_linear *linear, size_t from, size_t to, size_t panel_from,
    size_t panel_to, size_t worker);

/// Raises `peaks` to the magnitudes in rows of the states.
void loci_step_peaks(const loci_pass *pass, size_t from, size_t to, float *peaks);

#endif
