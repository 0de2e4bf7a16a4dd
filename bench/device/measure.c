/*
 * Writes how many instructions one prediction of the exported net "net" takes, in hexadecimal, and with HAND_WRITTEN behind it those of the hand-written net.
 * Returns 1 if the self-test fails, 2 if the hand-written net computes something else.
 */
#include "device.h"
#include "net.h"
#ifdef HAND_WRITTEN
#include "hand_written_dense.h"
#endif

#define TIMES 20u

static float input[NET_INPUTS];
static float output[NET_OUTPUTS];
static float arena[NET_ARENA_FLOATS];

int main(void)
{
    uint32_t i;
    if (net_selftest(output, arena) != 0u) {
        return 1;
    }
    for (i = 0u; i < NET_INPUTS; i++) {
        input[i] = (float)((i * 37u) % 101u) * 0.01f;
    }
    device_start();
    for (i = 0u; i < TIMES; i++) {
        net_predict(input, output, arena);
    }
    device_word(device_instructions() / TIMES);
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
