/* C written by hand for one net each: sizes are constants, 64 outputs at a time stay in registers, weights [inputs][outputs padded to 16].
   PARTS = 1 adds the inputs in order, as the engine promises to; PARTS = 2 adds even and odd inputs apart, which halves the chain of dependent
   additions and gives other bits. Predictions only. */
#include "serve.h"
#include <math.h>

#ifndef PARTS
#define PARTS 1
#endif
#define PADDED(n) (((n) + 15) / 16 * 16)

static void hello(char *text, size_t length) { snprintf(text, length, "gcc %s", __VERSION__); }

typedef float Vector __attribute__((vector_size(64)));

/* y[out] = sigmoid(bias + x W) for up to 64 outputs from column first on; registers as gcc's vectors, so that it works for any processor. */
static inline __attribute__((always_inline)) void columns(int in, int vectors, const float *x, const float *w, int stride, const float *bias, float *y)
{
    Vector sum[PARTS][4];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        memcpy(&sum[0][v], bias + 16 * v, 64);
        for (int part = 1; part < PARTS; part++) sum[part][v] = (Vector){0};
    }
    for (int i = 0; i < in; i += PARTS)
#pragma GCC unroll 2
        for (int part = 0; part < PARTS; part++)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) sum[part][v] += x[i + part] * *(const Vector *)(w + (i + part) * stride + 16 * v);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        for (int part = 1; part < PARTS; part++) sum[0][v] += sum[part][v];
        memcpy(y + 16 * v, &sum[0][v], 64);
    }
    for (int j = 0; j < 16 * vectors; j++) y[j] = 1.0f / (1.0f + expf(-y[j]));
}

static inline __attribute__((always_inline)) void dense(int in, int out, const float *x, const float *w, float *y)
{
    const float *bias = w + in * PADDED(out);
    int j = 0;
    for (; j + 64 <= PADDED(out); j += 64) columns(in, 4, x, w + j, PADDED(out), bias + j, y + j);
    if (PADDED(out) - j == 48) columns(in, 3, x, w + j, PADDED(out), bias + j, y + j);
    if (PADDED(out) - j == 32) columns(in, 2, x, w + j, PADDED(out), bias + j, y + j);
    if (PADDED(out) - j == 16) columns(in, 1, x, w + j, PADDED(out), bias + j, y + j);
}

#define LAYER(in, out) (((in) + 1) * PADDED(out))

static __attribute__((noinline)) void nielsen(const float *x, const float *w, float *y)
{
    float h[PADDED(30)] __attribute__((aligned(64)));
    dense(784, 30, x, w, h);
    dense(30, 10, h, w + LAYER(784, 30), y);
}

static __attribute__((noinline)) void small(const float *x, const float *w, float *y)
{
    float h[32] __attribute__((aligned(64))), g[16] __attribute__((aligned(64)));
    dense(64, 32, x, w, h);
    dense(32, 16, h, w + LAYER(64, 32), g);
    dense(16, 4, g, w + LAYER(64, 32) + LAYER(32, 16), y);
}

static __attribute__((noinline)) void large(const float *x, const float *w, float *y)
{
    float h[512] __attribute__((aligned(64))), g[512] __attribute__((aligned(64)));
    dense(784, 512, x, w, h);
    dense(512, 512, h, w + LAYER(784, 512), g);
    dense(512, 10, g, w + LAYER(784, 512) + LAYER(512, 512), y);
}

static double predict(const Sizes *sizes, double duration)
{
    static const Sizes a = { 3, { 784, 30, 10 } }, b = { 4, { 64, 32, 16, 4 } }, c = { 4, { 784, 512, 512, 10 } };
    static float *w, *x, *y;
    double result = -1;
    size_t length = LAYER(784, 512) + LAYER(512, 512) + LAYER(512, 10);
    if (!w) {
        w = allocate(sizeof(float) * length);
        x = allocate(sizeof(float) * 1024);
        y = allocate(sizeof(float) * 64);
        fill(w, length, 0.05f);
        fill(x, 1024, 1);
    }
    if (same_sizes(sizes, &a)) TIME_CALLS(result, duration, nielsen(x, w, y));
    if (same_sizes(sizes, &b)) TIME_CALLS(result, duration, small(x, w, y));
    if (same_sizes(sizes, &c)) TIME_CALLS(result, duration, large(x, w, y));
    return result;
}

static double epoch(const Sizes *sizes, int batch, int samples, float rate)
{
    (void)sizes, (void)batch, (void)samples, (void)rate;
    return -1;
}

static double accuracy(const Sizes *sizes, int batch, int samples)
{
    (void)sizes, (void)batch, (void)samples;
    return -1;
}

static double product(char a, char b, int m, int n, int k, double duration)
{
    (void)a, (void)b, (void)m, (void)n, (void)k, (void)duration;
    return -1;
}

static double peak(double duration) { (void)duration; return -1; }

int main(void)
{
    return serve();
}
