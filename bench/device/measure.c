/*
 * Writes how many instructions one prediction of the exported net "net" takes, in hexadecimal; with TRAINING those of one training step, with HAND_WRITTEN behind
 * them those of the hand-written net. Returns 1 if the self-test fails, 2 if the hand-written net computes something else.
 */
#include "device.h"
#include "net.h"
#ifdef HAND_WRITTEN
#include "hand_written_dense.h"
#endif

#ifndef TIMES
#define TIMES 20u
#endif

static float input[NET_INPUTS];
#ifdef TRAINING
static float target[NET_TARGETS];
static float memory[NET_SELFTEST_FLOATS];
#else
static float output[NET_OUTPUTS];
static float arena[NET_ARENA_FLOATS];
#endif

static uint32_t count(void)
{
    uint32_t i;
#ifdef TRAINING
    net_model model;
    net_start(&model, memory);
    target[0] = 1.0f;
#endif
    device_start();
    for (i = 0u; i < TIMES; i++) {
#ifdef TRAINING
        (void)net_train_step(&model, input, target);
#else
        net_predict(input, output, arena);
#endif
    }
    return device_instructions() / TIMES;
}

int main(void)
{
    uint32_t i;
#ifdef TRAINING
    if (net_selftest(memory) != 0u) {
#else
    if (net_selftest(output, arena) != 0u) {
#endif
        return 1;
    }
    for (i = 0u; i < NET_INPUTS; i++) {
        input[i] = (float)((i * 37u) % 101u) * 0.01f;
    }
    device_word(count());
#ifdef HAND_WRITTEN
    {
        static float other[NET_OUTPUTS];
        device_start();
        for (i = 0u; i < TIMES; i++) {
            hand_written_predict(input, other);
        }
        device_text(" ");
        device_word(device_instructions() / TIMES);
        for (i = 0u; i < NET_OUTPUTS; i++) {
            const float difference = output[i] - other[i];
            if (difference > 1e-5f || difference < -1e-5f) {
                return 2;
            }
        }
    }
#endif
    device_text("\n");
    return 0;
}
