/* C written by hand for one net: 28x28, convolution 5x5 1->8, ReLU, pooling 2, convolution 5x5 8->16, ReLU, pooling 2, ten classes, softmax and
   cross-entropy, SGD. Direct loops with constant sizes, no library. The first convolution has positions in the lanes of a vector, the second its 16 outputs;
   maps between them are [row][column][channel], so that a kernel row of the second (5 columns of 8 channels) is 40 neighbours. Behind a pooling at most one
   gradient of four is not 0: only those are followed. Takes no account of the order of sums. */
#define PEER_CONVOLUTION
#include "serve.h"
#include <math.h>

enum {
    SIDE = 28, TAPS = 25, FIRST = 8, SECOND = 16, CLASSES = 10,
    FLAT = 24 * SIDE,                     /* first maps with the image's rows, of which the last 4 columns mean nothing */
    HALF = 12, SMALL = 4, ROW = 5 * FIRST, HIDDEN = SMALL * SMALL * SECOND,
    ROOM = 48                             /* a kernel row, filled up to whole vectors */
};

typedef float Vector __attribute__((vector_size(64)));
typedef float Unaligned __attribute__((vector_size(64), aligned(4)));

typedef struct {
    float first[TAPS][FIRST], first_bias[FIRST];
    float second[5][ROW][SECOND], second_bias[SECOND];    /* [kernel row][kernel column, channel][output] */
    float dense[HIDDEN][SECOND], dense_bias[SECOND];      /* ten outputs and six that stay 0 */
} Weights;

typedef struct {
    float z[FIRST][FLAT], a[HALF * HALF * FIRST + ROOM], y[HIDDEN], out[SECOND];
    uint8_t from[HALF * HALF * FIRST], chosen[HIDDEN];    /* which of the four was the largest */
} Sample;

static void hello(char *text, size_t length) { snprintf(text, length, "gcc %s", __VERSION__); }

static void convolve_first(const Weights *w, const float *x, Sample *s)
{
    for (int p = 0; p < FLAT; p += 48) {
        Vector sum[FIRST][3];
#pragma GCC unroll 8
        for (int o = 0; o < FIRST; o++)
#pragma GCC unroll 3
            for (int v = 0; v < 3; v++) sum[o][v] = w->first_bias[o] - (Vector){0};
        for (int t = 0; t < TAPS; t++) {
            const float *from = x + p + t / 5 * SIDE + t % 5;
            Vector x0 = *(const Unaligned *)from, x1 = *(const Unaligned *)(from + 16), x2 = *(const Unaligned *)(from + 32);
#pragma GCC unroll 8
            for (int o = 0; o < FIRST; o++) sum[o][0] += w->first[t][o] * x0, sum[o][1] += w->first[t][o] * x1, sum[o][2] += w->first[t][o] * x2;
        }
#pragma GCC unroll 8
        for (int o = 0; o < FIRST; o++)
#pragma GCC unroll 3
            for (int v = 0; v < 3; v++) *(Vector *)(s->z[o] + p + 16 * v) = sum[o][v];
    }
}

/* The largest of two by two, or 0. */
static inline __attribute__((always_inline)) void pool_first(Sample *s, int training)
{
    for (int r = 0; r < HALF; r++)
        for (int o = 0; o < FIRST; o++) {
            const float *restrict up = s->z[o] + 2 * r * SIDE, *restrict down = up + SIDE;
            float m[HALF];
            int from[HALF];
            for (int c = 0; c < HALF; c++) {
                float a = up[2 * c], b = up[2 * c + 1], d = down[2 * c], e = down[2 * c + 1];
                float ab = b > a ? b : a, de = e > d ? e : d, most = de > ab ? de : ab;
                m[c] = most > 0 ? most : 0;
                if (training) from[c] = de > ab ? 2 + (e > d) : b > a;
            }
            for (int c = 0; c < HALF; c++) s->a[(r * HALF + c) * FIRST + o] = m[c];
            if (training)
                for (int c = 0; c < HALF; c++) s->from[(r * HALF + c) * FIRST + o] = (uint8_t)from[c];
        }
}

/* Two rows of eight positions at a time, their 16 outputs each in one vector; then the largest of two by two. */
static inline __attribute__((always_inline)) void convolve_second(const Weights *w, Sample *s, int training)
{
    for (int r = 0; r < SMALL; r++) {
        Vector sum[2][8];
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++) sum[0][c] = sum[1][c] = *(const Vector *)w->second_bias;
        for (int ky = 0; ky < 5; ky++) {
            const float *up = s->a + (2 * r + ky) * HALF * FIRST, *down = up + HALF * FIRST;
            for (int t = 0; t < ROW; t++) {
                Vector k = *(const Vector *)w->second[ky][t];
#pragma GCC unroll 8
                for (int c = 0; c < 8; c++) sum[0][c] += up[t + FIRST * c] * k, sum[1][c] += down[t + FIRST * c] * k;
            }
        }
        float z[2][8][SECOND] __attribute__((aligned(64)));
        memcpy(z, sum, sizeof z);
        for (int c = 0; c < SMALL; c++)
            for (int o = 0; o < SECOND; o++) {
                float a = z[0][2 * c][o], b = z[0][2 * c + 1][o], d = z[1][2 * c][o], e = z[1][2 * c + 1][o];
                float ab = b > a ? b : a, de = e > d ? e : d, most = de > ab ? de : ab;
                s->y[(r * SMALL + c) * SECOND + o] = most > 0 ? most : 0;
                if (training) s->chosen[(r * SMALL + c) * SECOND + o] = de > ab ? 2 + (e > d) : b > a;
            }
    }
}

static inline __attribute__((always_inline)) void forward(const Weights *w, const float *x, Sample *s, int training)
{
    convolve_first(w, x, s);
    pool_first(s, training);
    convolve_second(w, s, training);
    Vector sum[8] = { *(const Vector *)w->dense_bias };
    for (int i = 0; i < HIDDEN; i += 8)
#pragma GCC unroll 8
        for (int part = 0; part < 8; part++) sum[part] += s->y[i + part] * *(const Vector *)w->dense[i + part];
    *(Vector *)s->out = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
    float most = s->out[0], total = 0;
    for (int j = 1; j < CLASSES; j++) most = s->out[j] > most ? s->out[j] : most;
    for (int j = 0; j < CLASSES; j++) total += s->out[j] = expf(s->out[j] - most);
    for (int j = 0; j < CLASSES; j++) s->out[j] /= total;
}

static __attribute__((noinline)) void predict(const Weights *w, const float *x, Sample *s) { forward(w, x, s, 0); }

/* Gradients with the kernels of the second convolution turned over: [output][kernel row][column, channel]. */
typedef struct {
    float first[FIRST][5][8], first_bias[FIRST];
    float second[SECOND][5][ROOM], second_bias[SECOND];
    float dense[HIDDEN][SECOND], dense_bias[SECOND];
} Gradients;

static void backward_second(const float turned[SECOND][5][ROOM], Gradients *g, const Sample *s, const float *dy, float *da)
{
    for (int o = 0; o < SECOND; o++) {
        Vector sum[5][3];
        float bias = 0;
#pragma GCC unroll 5
        for (int ky = 0; ky < 5; ky++)
#pragma GCC unroll 3
            for (int v = 0; v < 3; v++) sum[ky][v] = *(const Vector *)(g->second[o][ky] + 16 * v);
        for (int p = 0; p < SMALL * SMALL; p++) {
            float d = dy[p * SECOND + o];
            if (d == 0) continue;
            int chosen = s->chosen[p * SECOND + o], at = ((p / SMALL * 2 + chosen / 2) * HALF + p % SMALL * 2 + chosen % 2) * FIRST;
            bias += d;
#pragma GCC unroll 5
            for (int ky = 0; ky < 5; ky++)
#pragma GCC unroll 3
                for (int v = 0; v < 3; v++) {
                    int i = at + ky * HALF * FIRST + 16 * v;
                    sum[ky][v] += d * *(const Unaligned *)(s->a + i);
                    *(Unaligned *)(da + i) += d * *(const Vector *)(turned[o][ky] + 16 * v);
                }
        }
#pragma GCC unroll 5
        for (int ky = 0; ky < 5; ky++)
#pragma GCC unroll 3
            for (int v = 0; v < 3; v++) *(Vector *)(g->second[o][ky] + 16 * v) = sum[ky][v];
        g->second_bias[o] += bias;
    }
}

typedef float Eight __attribute__((vector_size(32)));
typedef float UnalignedEight __attribute__((vector_size(32), aligned(4)));

static void backward_first(Gradients *g, const float *x, const Sample *s, const float *da)
{
    for (int o = 0; o < FIRST; o++) {
        Eight sum[2][5];
        float bias = 0;
#pragma GCC unroll 5
        for (int ky = 0; ky < 5; ky++) sum[0][ky] = *(const Eight *)g->first[o][ky], sum[1][ky] = (Eight){0};
        for (int p = 0; p < HALF * HALF; p += 2)
#pragma GCC unroll 2
            for (int part = 0; part < 2; part++) {
                int i = (p + part) * FIRST + o, from = s->from[i];
                float d = s->a[i] > 0 ? da[i] : 0;
                const float *image = x + (p / HALF * 2 + from / 2) * SIDE + (p + part) % HALF * 2 + from % 2;
                bias += d;
#pragma GCC unroll 5
                for (int ky = 0; ky < 5; ky++) sum[part][ky] += d * *(const UnalignedEight *)(image + ky * SIDE);
            }
#pragma GCC unroll 5
        for (int ky = 0; ky < 5; ky++) *(Eight *)g->first[o][ky] = sum[0][ky] + sum[1][ky];
        g->first_bias[o] += bias;
    }
}

static __attribute__((noinline)) void train(Weights *w, const float *x, int batch, float rate)
{
    static Gradients g __attribute__((aligned(64)));
    static Sample s __attribute__((aligned(64)));
    static float turned[SECOND][5][ROOM] __attribute__((aligned(64))), across[CLASSES][HIDDEN] __attribute__((aligned(64)));
    memset(&g, 0, sizeof g);
    for (int o = 0; o < SECOND; o++)
        for (int ky = 0; ky < 5; ky++)
            for (int t = 0; t < ROW; t++) turned[o][ky][t] = w->second[ky][t][o];
    for (int j = 0; j < CLASSES; j++)
        for (int i = 0; i < HIDDEN; i++) across[j][i] = w->dense[i][j];
    for (int b = 0; b < batch; b++, x += SIDE * SIDE) {
        float dy[HIDDEN] __attribute__((aligned(64))), da[HALF * HALF * FIRST + ROOM] __attribute__((aligned(64)));
        forward(w, x, &s, 1);
        s.out[b % CLASSES] -= 1;
        memset(dy, 0, sizeof dy);
        memset(da, 0, sizeof da);
        for (int j = 0; j < CLASSES; j++) {
            for (int i = 0; i < HIDDEN; i++) dy[i] += s.out[j] * across[j][i];
            g.dense_bias[j] += s.out[j];
        }
        for (int j = CLASSES; j < SECOND; j++) s.out[j] = 0;
        for (int i = 0; i < HIDDEN; i++) *(Vector *)g.dense[i] += s.y[i] * *(const Vector *)s.out;
        for (int i = 0; i < HIDDEN; i++) dy[i] = s.y[i] > 0 ? dy[i] : 0;
        backward_second(turned, &g, &s, dy, da);
        backward_first(&g, x, &s, da);
    }
    rate /= (float)batch;
    for (int i = 0; i < HIDDEN; i++) for (int j = 0; j < SECOND; j++) w->dense[i][j] -= rate * g.dense[i][j];
    for (int ky = 0; ky < 5; ky++)
        for (int t = 0; t < ROW; t++)
            for (int o = 0; o < SECOND; o++) w->second[ky][t][o] -= rate * g.second[o][ky][t];
    for (int t = 0; t < TAPS; t++) for (int o = 0; o < FIRST; o++) w->first[t][o] -= rate * g.first[o][t / 5][t % 5];
    for (int j = 0; j < SECOND; j++) w->dense_bias[j] -= rate * g.dense_bias[j], w->second_bias[j] -= rate * g.second_bias[j];
    for (int o = 0; o < FIRST; o++) w->first_bias[o] -= rate * g.first_bias[o];
}

static double convolution(const char *kind, int batch, double duration)
{
    static Weights *w;
    static Sample *s;
    static float *x;
    enum { MOST = 256 };
    double result = -1;
    if (batch > MOST) return -1;
    if (!w) {
        w = allocate(sizeof *w), s = allocate(sizeof *s);
        x = allocate(sizeof(float) * (MOST * SIDE * SIDE + 256));    /* the flat rows are read past the last image */
        fill(x, MOST * SIDE * SIDE, 1);
        fill(w->first[0], TAPS * FIRST, 0.3f), fill(w->second[0][0], 5 * ROW * SECOND, 0.1f);
        for (int i = 0; i < HIDDEN; i++) fill(w->dense[i], CLASSES, 0.1f);
    }
    if (strcmp(kind, "train") == 0) TIME_CALLS(result, duration, train(w, x, batch, 1e-6f));
    else if (strcmp(kind, "predict") == 0 && batch == 1) TIME_CALLS(result, duration, predict(w, x, s));
    return result;
}

int main(void)
{
    return serve();
}
