/* The protocol of bench/peers in C: one command a line on standard input, one line of JSON each on standard output.
   A peer defines the functions declared here and calls serve(). Not a library: included once by each peer. */
#ifndef PEERS_SERVE_H
#define PEERS_SERVE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_LAYERS 8

typedef struct { int count, inputs; uint8_t *bytes, *labels; } Data;   /* bytes [count][inputs] */
typedef struct { int count, size[MAX_LAYERS]; } Sizes;                 /* inputs first */

static Data data;

/* Each returns seconds (accuracy: a share), or a negative number for "this peer does not do that". A peer for sequences, for the convolution net or for
   nets that it reads defines PEER_SEQUENCE, PEER_CONVOLUTION or PEER_NETS and does nothing else. */
static void hello(char *text, size_t length);
#ifdef PEER_SEQUENCE
static double sequence(const char *kind, int steps, int features, int hidden, int batch, double duration);
#elif defined PEER_CONVOLUTION
static double convolution(const char *kind, int batch, double duration);
#elif defined PEER_NETS
static int net(const char *name, int parameters, int state, const float *values);   /* 0, or a negative number for an unknown net */
static int outputs(const char *name, int batch, float *out);                         /* floats written: at most 1,024 */
static double forward(const char *name, int batch, double duration);
#else
static double epoch(const Sizes *sizes, int batch, int samples, float rate);
static double accuracy(const Sizes *sizes, int batch, int samples);
static double predict(const Sizes *sizes, double duration);
static double product(char a, char b, int m, int n, int k, double duration);
static double peak(double duration);   /* seconds of 10^9 operations */
#endif

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory) { fputs("out of memory\n", stderr); exit(1); }
    memset(memory, 0, bytes);
    return memory;
}

/* xorshift64*: order and initial weights need be random, not good. */
static uint64_t random_state = 88172645463325252u;

static uint32_t random_bits(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 2685821657736338717u) >> 32);
}

static float random_unit(void) { return (float)random_bits() * (2.0f / 4294967296.0f) - 1.0f; }   /* [-1, 1] */

static void fill(float *x, size_t length, float scale)
{
    for (size_t i = 0; i < length; i++) x[i] = scale * random_unit();
}

static inline void shuffle(int *order, int count)
{
    for (int i = count - 1; i > 0; i--) {
        int j = (int)(((uint64_t)random_bits() * (uint64_t)(i + 1)) >> 32), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

/* Times CALL as the engine's side does: a fifth of DURATION to warm up and to find how many calls fill it, then those in one go. */
#define TIME_CALLS(result, duration, CALL) do { \
        for (int first = 0; first < 3; first++) { CALL; } \
        long warm = 0, next = 3; \
        double began = now(), seconds = 0; \
        for (; seconds < (duration) / 5; next = warm * 2) { \
            for (; warm < next; warm++) { CALL; } \
            seconds = now() - began; \
        } \
        long calls = (long)((duration) / (seconds / (double)warm)); \
        if (calls < 1) calls = 1; \
        began = now(); \
        for (long call = 0; call < calls; call++) { CALL; } \
        (result) = (now() - began) / (double)calls; \
    } while (0)

static int same_sizes(const Sizes *a, const Sizes *b)
{
    return a->count == b->count && memcmp(a->size, b->size, sizeof(int) * (size_t)a->count) == 0;
}

static Sizes parse_sizes(const char *text)
{
    Sizes sizes = {0};
    for (char *end; sizes.count < MAX_LAYERS; text = end + 1) {
        sizes.size[sizes.count++] = (int)strtol(text, &end, 10);
        if (*end != ',') break;
    }
    return sizes;
}

static void load(int count, int inputs, const char *path)
{
    size_t bytes = (size_t)count * (size_t)inputs;
    FILE *file = fopen(path, "rb");
    data = (Data){ count, inputs, allocate(bytes + 64), allocate((size_t)count) };
    if (!file || fread(data.bytes, 1, bytes, file) != bytes || fread(data.labels, 1, (size_t)count, file) != (size_t)count) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
}

#ifdef PEER_NETS
static float *read_floats(const char *path, long *count)
{
    FILE *file = fopen(path, "rb");
    float *values = 0;
    if (file && fseek(file, 0, SEEK_END) == 0 && (*count = ftell(file) / (long)sizeof(float)) > 0) {
        values = allocate(sizeof(float) * (size_t)*count);
        rewind(file);
    }
    if (!values || fread(values, sizeof(float), (size_t)*count, file) != (size_t)*count) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
    return values;
}
#endif

static int serve(void)
{
    static char line[4096], word[1024], versions[1024];
    while (fgets(line, sizeof line, stdin)) {
        int i, j, k, at = 0;
        float rate;
        char a, b;
        double answer = -1;
        const char *name = "seconds";
        line[strcspn(line, "\n")] = 0;
        if (strcmp(line, "hello") == 0) {
            hello(versions, sizeof versions);
            printf("{\"versions\":\"%s\"}\n", versions);
            fflush(stdout);
            continue;
        }
#if defined PEER_SEQUENCE || defined PEER_CONVOLUTION || defined PEER_NETS
        (void)i, (void)j, (void)k, (void)at, (void)a, (void)b, (void)load, (void)parse_sizes, (void)same_sizes, (void)shuffle, (void)fill;
#endif
#ifdef PEER_SEQUENCE
        int hidden, batch;
        if (sscanf(line, "sequence %1000s %d %d %d %d %f", word, &j, &k, &hidden, &batch, &rate) == 6)
            answer = sequence(word, j, k, hidden, batch, rate);
#elif defined PEER_CONVOLUTION
        if (sscanf(line, "convolution %1000s %d %f", word, &i, &rate) == 3)
            answer = convolution(word, i, rate);
#elif defined PEER_NETS
        if (sscanf(line, "net %1000s %d %d %n", word, &i, &j, &at) == 3 && at > 0) {
            long count;
            answer = net(word, i, j, read_floats(line + at, &count));
        } else if (sscanf(line, "outputs %1000s %d", word, &i) == 2) {
            static float out[1024];
            int length = outputs(word, i, out);
            if (length > 0) {
                printf("{\"outputs\":[");
                for (k = 0; k < length; k++) printf("%s%.9g", k ? "," : "", out[k]);
                printf("]}\n");
                fflush(stdout);
                continue;
            }
        } else if (sscanf(line, "forward %1000s %d %f", word, &i, &rate) == 3) {
            answer = forward(word, i, rate);
        }
#else
        if (sscanf(line, "data %d %d %n", &i, &j, &at) == 2 && at > 0) {
            load(i, j, line + at);
            answer = 0;
        } else if (sscanf(line, "epoch %1000s %d %d %f", word, &i, &j, &rate) == 4) {
            Sizes sizes = parse_sizes(word);
            answer = epoch(&sizes, i, j, rate);
        } else if (sscanf(line, "accuracy %1000s %d %d", word, &i, &j) == 3) {
            Sizes sizes = parse_sizes(word);
            name = "accuracy";
            answer = accuracy(&sizes, i, j);
        } else if (sscanf(line, "predict %1000s %f", word, &rate) == 2) {
            Sizes sizes = parse_sizes(word);
            answer = predict(&sizes, rate);
        } else if (sscanf(line, "gemm %c%c %d %d %d %f", &a, &b, &i, &j, &k, &rate) == 6) {
            answer = product(a, b, i, j, k, rate);
        } else if (sscanf(line, "peak %f", &rate) == 1) {
            answer = peak(rate);
        }
#endif
        if (answer < 0) printf("{\"missing\":\"not done by this peer\"}\n");
        else printf("{\"%s\":%.6e}\n", name, answer);
        fflush(stdout);
    }
    return 0;
}

#endif
