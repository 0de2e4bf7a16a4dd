/* C written by hand over OpenBLAS: an LSTM or a GRU (the gates' order and form of PyTorch), the last hidden state into ten classes, softmax and
   cross-entropy, SGD. Everything is time-major; the inputs of all steps are one product, the weight gradients of all steps one product each; gates are
   loops that gcc vectorises, exp and tanh included. Training steps only. */
#define PEER_SEQUENCE
#include "serve.h"
#include <cblas.h>
#include <math.h>

#define CLASSES 10

char *openblas_get_corename(void);

typedef struct {
    int lstm, steps, features, hidden, batch, columns;   /* columns = gates * hidden */
    float *x;                                    /* [steps * batch][features] */
    float *p, *q;                                /* input products [steps * batch][columns], hidden product [batch][columns] */
    float *g, *d;                                /* kept gates and deltas [steps * batch][4 * hidden] */
    float *h, *c, *t;                            /* [(steps + 1) * batch][hidden], tanh c */
    float *dh, *dc;
    float *wx, *wh, *bx, *bh, *wo, *bo;          /* [features][columns], [hidden][columns], ..., [hidden][CLASSES] */
    float *gx, *gh;
    float *o, *go;                               /* [batch][CLASSES] */
} Net;

static void hello(char *text, size_t length) { snprintf(text, length, "OpenBLAS kernels %s; gcc %s", openblas_get_corename(), __VERSION__); }

static float *floats(size_t count) { return allocate(sizeof(float) * count); }

static inline float sigmoid(float z) { return 1.0f / (1.0f + expf(-z)); }

static void make(Net *n)
{
    size_t rows = (size_t)n->steps * (size_t)n->batch, h = (size_t)n->hidden, b = (size_t)n->batch, k = (size_t)n->columns, f = (size_t)n->features;
    n->x = floats(rows * f), n->p = floats(rows * k), n->q = floats(b * k), n->g = floats(rows * 4 * h), n->d = floats(rows * 4 * h);
    n->h = floats((rows + b) * h), n->c = floats((rows + b) * h), n->t = floats(rows * h), n->dh = floats(b * h), n->dc = floats(b * h);
    n->wx = floats(f * k), n->wh = floats(h * k), n->bx = floats(k), n->bh = floats(k), n->wo = floats(h * CLASSES), n->bo = floats(CLASSES);
    n->gx = floats(f * k), n->gh = floats(h * k), n->o = floats(b * CLASSES), n->go = floats(b * CLASSES);
    fill(n->x, rows * f, 1), fill(n->wx, f * k, 0.3f), fill(n->wh, h * k, 0.15f), fill(n->wo, h * CLASSES, 0.2f);
}

static void product(int ta, int tb, int m, int nn, int k, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc)
{
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, m, nn, k, 1, a, lda, b, ldb, beta, c, ldc);
}

static void lstm_forward(const Net *n, int s)
{
    int H = n->hidden;
    for (int b = 0; b < n->batch; b++) {
        size_t row = (size_t)s * (size_t)n->batch + (size_t)b;
        const float *restrict p = n->p + row * 4 * (size_t)H, *restrict c0 = n->c + row * (size_t)H;
        float *restrict g = n->g + row * 4 * (size_t)H, *restrict c = n->c + (row + (size_t)n->batch) * (size_t)H;
        float *restrict t = n->t + row * (size_t)H, *restrict h = n->h + (row + (size_t)n->batch) * (size_t)H;
        for (int j = 0; j < 2 * H; j++) g[j] = sigmoid(p[j]);
        for (int j = 2 * H; j < 3 * H; j++) g[j] = tanhf(p[j]);
        for (int j = 3 * H; j < 4 * H; j++) g[j] = sigmoid(p[j]);
        for (int j = 0; j < H; j++) c[j] = g[H + j] * c0[j] + g[j] * g[2 * H + j];
        for (int j = 0; j < H; j++) t[j] = tanhf(c[j]);
        for (int j = 0; j < H; j++) h[j] = g[3 * H + j] * t[j];
    }
}

static void gru_forward(const Net *n, int s)
{
    int H = n->hidden;
    for (int b = 0; b < n->batch; b++) {
        size_t row = (size_t)s * (size_t)n->batch + (size_t)b;
        const float *restrict p = n->p + row * 3 * (size_t)H, *restrict q = n->q + (size_t)b * 3 * (size_t)H, *restrict h0 = n->h + row * (size_t)H;
        float *restrict g = n->g + row * 4 * (size_t)H, *restrict h = n->h + (row + (size_t)n->batch) * (size_t)H;
        for (int j = 0; j < 2 * H; j++) g[j] = sigmoid(p[j] + q[j]);
        for (int j = 0; j < H; j++) g[2 * H + j] = tanhf(p[2 * H + j] + g[j] * q[2 * H + j]);
        for (int j = 0; j < H; j++) g[3 * H + j] = q[2 * H + j];
        for (int j = 0; j < H; j++) h[j] = g[2 * H + j] + g[H + j] * (h0[j] - g[2 * H + j]);
    }
}

static void lstm_backward(const Net *n, int s)
{
    int H = n->hidden;
    for (int b = 0; b < n->batch; b++) {
        size_t row = (size_t)s * (size_t)n->batch + (size_t)b;
        const float *restrict g = n->g + row * 4 * (size_t)H, *restrict c0 = n->c + row * (size_t)H, *restrict t = n->t + row * (size_t)H;
        const float *restrict dh = n->dh + (size_t)b * (size_t)H;
        float *restrict d = n->d + row * 4 * (size_t)H, *restrict dc = n->dc + (size_t)b * (size_t)H;
        for (int j = 0; j < H; j++) {
            float i = g[j], f = g[H + j], z = g[2 * H + j], o = g[3 * H + j], whole = dc[j] + dh[j] * o * (1 - t[j] * t[j]);
            d[j] = whole * z * i * (1 - i);
            d[H + j] = whole * c0[j] * f * (1 - f);
            d[2 * H + j] = whole * i * (1 - z * z);
            d[3 * H + j] = dh[j] * t[j] * o * (1 - o);
            dc[j] = whole * f;
        }
    }
    product(0, 1, n->batch, H, 4 * H, n->d + (size_t)s * (size_t)n->batch * 4 * (size_t)H, 4 * H, n->wh, 4 * H, 0, n->dh, H);
}

static void gru_backward(const Net *n, int s)
{
    int H = n->hidden;
    size_t first = (size_t)s * (size_t)n->batch;
    for (int b = 0; b < n->batch; b++) {
        size_t row = first + (size_t)b;
        const float *restrict g = n->g + row * 4 * (size_t)H, *restrict h0 = n->h + row * (size_t)H;
        float *restrict d = n->d + row * 4 * (size_t)H, *restrict dh = n->dh + (size_t)b * (size_t)H;
        for (int j = 0; j < H; j++) {
            float r = g[j], z = g[H + j], x = g[2 * H + j], passed = dh[j] * z, fresh = (dh[j] - passed) * (1 - x * x);
            d[j] = fresh * g[3 * H + j] * r * (1 - r);
            d[H + j] = dh[j] * (h0[j] - x) * z * (1 - z);
            d[2 * H + j] = fresh * r;                     /* of the hidden product, */
            d[3 * H + j] = fresh;                         /* and of the input product */
            dh[j] = passed;
        }
    }
    product(0, 1, n->batch, H, 3 * H, n->d + first * 4 * (size_t)H, 4 * H, n->wh, 3 * H, 1, n->dh, H);
}

static void classify(Net *n, const float *h, float rate)
{
    int B = n->batch, H = n->hidden;
    for (int b = 0; b < B; b++) memcpy(n->o + b * CLASSES, n->bo, sizeof(float) * CLASSES);
    product(0, 0, B, CLASSES, H, h, H, n->wo, CLASSES, 1, n->o, CLASSES);
    for (int b = 0; b < B; b++) {
        float *o = n->o + b * CLASSES, *d = n->go + b * CLASSES, most = o[0], sum = 0;
        for (int j = 1; j < CLASSES; j++) most = o[j] > most ? o[j] : most;
        for (int j = 0; j < CLASSES; j++) sum += d[j] = expf(o[j] - most);
        for (int j = 0; j < CLASSES; j++) d[j] = (d[j] / sum - (j == b % CLASSES)) / (float)B;
    }
    product(0, 1, B, H, CLASSES, n->go, CLASSES, n->wo, CLASSES, 0, n->dh, H);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, H, CLASSES, B, -rate, h, H, n->go, CLASSES, 1, n->wo, CLASSES);
    for (int b = 0; b < B; b++) for (int j = 0; j < CLASSES; j++) n->bo[j] -= rate * n->go[b * CLASSES + j];
}

static void sum_rows(const float *d, size_t rows, int columns, float *restrict sum)
{
    memset(sum, 0, sizeof(float) * (size_t)columns);
    for (size_t r = 0; r < rows; r++) for (int j = 0; j < columns; j++) sum[j] += d[r * (size_t)columns + (size_t)j];
}

static void train(Net *n, float rate)
{
    int B = n->batch, H = n->hidden, F = n->features, K = n->columns, rows = n->steps * B;
    for (int r = 0; r < rows; r++) for (int j = 0; j < K; j++) n->p[(size_t)r * (size_t)K + (size_t)j] = n->bx[j] + (n->lstm ? n->bh[j] : 0);
    product(0, 0, rows, K, F, n->x, F, n->wx, K, 1, n->p, K);
    for (int s = 0; s < n->steps; s++) {
        const float *h = n->h + (size_t)s * (size_t)B * (size_t)H;
        if (n->lstm) {
            product(0, 0, B, K, H, h, H, n->wh, K, 1, n->p + (size_t)s * (size_t)B * (size_t)K, K);
            lstm_forward(n, s);
        } else {
            for (int b = 0; b < B; b++) memcpy(n->q + b * K, n->bh, sizeof(float) * (size_t)K);
            product(0, 0, B, K, H, h, H, n->wh, K, 1, n->q, K);
            gru_forward(n, s);
        }
    }
    classify(n, n->h + (size_t)rows * (size_t)H, rate);
    memset(n->dc, 0, sizeof(float) * (size_t)B * (size_t)H);
    for (int s = n->steps - 1; s >= 0; s--) (n->lstm ? lstm_backward : gru_backward)(n, s);

    float sums[4 * 1024];
    product(1, 0, H, K, rows, n->h, H, n->d, 4 * H, 0, n->gh, K);
    sum_rows(n->d, (size_t)rows, 4 * H, sums);
    if (n->lstm) {
        product(1, 0, F, K, rows, n->x, F, n->d, 4 * H, 0, n->gx, K);
    } else {
        product(1, 0, F, 2 * H, rows, n->x, F, n->d, 4 * H, 0, n->gx, K);
        product(1, 0, F, H, rows, n->x, F, n->d + 3 * H, 4 * H, 0, n->gx + 2 * H, K);
    }
    for (int j = 0; j < K; j++) n->bh[j] -= rate * sums[j], n->bx[j] -= rate * sums[!n->lstm && j >= 2 * H ? j + H : j];
    for (int i = 0; i < F * K; i++) n->wx[i] -= rate * n->gx[i];
    for (int i = 0; i < H * K; i++) n->wh[i] -= rate * n->gh[i];
}

static double sequence(const char *kind, int steps, int features, int hidden, int batch, double duration)
{
    static Net nets[2];
    int lstm = strcmp(kind, "lstm") == 0;
    if (!lstm && strcmp(kind, "gru") != 0) return -1;
    Net *n = &nets[lstm];
    if (!n->x) {
        *n = (Net){ .lstm = lstm, .steps = steps, .features = features, .hidden = hidden, .batch = batch, .columns = (lstm ? 4 : 3) * hidden };
        make(n);
    }
    if (n->steps != steps || n->features != features || n->hidden != hidden || n->batch != batch || hidden > 1024) return -1;
    double result = -1;
    TIME_CALLS(result, duration, train(n, 1e-6f));
    return result;
}

int main(void)
{
    return serve();
}
