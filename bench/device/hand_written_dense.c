/*
 * What the exported C is measured against: the dense net [784, 30, 10] with sigmoids as a person writes it for a Cortex-M4F. Five outputs at once, every sum in a
 * local of its own, sizes known to the compiler, e^x from the library. The weights are the exported tables, [inputs][outputs].
 */
#include "hand_written_dense.h"
#include "net.h"

#include <math.h>

#define HIDDEN 30u

static float sigmoid(float z)
{
    return 1.0f / (1.0f + expf(-z));
}

/* The sizes are constants of the caller, and the compiler makes a loop for each layer. */
static inline void layer(size_t inputs, size_t outputs, const float *x, const float *w, const float *b, float *a)
{
    size_t j;
    size_t k;
    for (j = 0u; j < outputs; j += 5u) {
        const float *row = w + j;
        float s0 = b[j];
        float s1 = b[j + 1u];
        float s2 = b[j + 2u];
        float s3 = b[j + 3u];
        float s4 = b[j + 4u];
        for (k = 0u; k < inputs; k++) {
            const float v = x[k];
            s0 = __builtin_fmaf(v, row[0], s0);
            s1 = __builtin_fmaf(v, row[1], s1);
            s2 = __builtin_fmaf(v, row[2], s2);
            s3 = __builtin_fmaf(v, row[3], s3);
            s4 = __builtin_fmaf(v, row[4], s4);
            row += outputs;
        }
        a[j] = sigmoid(s0);
        a[j + 1u] = sigmoid(s1);
        a[j + 2u] = sigmoid(s2);
        a[j + 3u] = sigmoid(s3);
        a[j + 4u] = sigmoid(s4);
    }
}

void hand_written_predict(const float *input, float *output)
{
    float hidden[HIDDEN];
    layer(NET_INPUTS, HIDDEN, input, net_dense1_weight, net_dense1_bias, hidden);
    layer(HIDDEN, NET_OUTPUTS, hidden, net_dense2_weight, net_dense2_bias, output);
}
