/* Decides on one window of samples and prints decision, instructions and RAM: of a prediction, of a hop where the net is a stream. */
#include "bearing.h"
#include "device.h"
#include "samples.h"
#include <stdio.h>

static const char *const labels[] = BEARING_LABELS;
static float output[BEARING_OUTPUTS];
#ifdef BEARING_HOP
static float arena[BEARING_ARENA_FLOATS], state[BEARING_STATE_FLOATS];
#else
static float input[BEARING_INPUTS];
#ifdef BEARING_ARENA_FLOATS
static float memory[BEARING_ARENA_FLOATS];
#define MEMORY memory
#else
static bearing_memory memory;
#define MEMORY &memory
#endif
#endif

int main(void)
{
    uint32_t instructions = 0u;
    size_t ram;
#ifdef BEARING_HOP
    /* The sensor's pieces: whole hops, as a DMA would give them. The last one makes the decision that is counted. */
    float piece[BEARING_HOP];
    size_t from = 0u, decided = 0u;
    bearing_reset(state);
    ram = sizeof arena + sizeof state + sizeof output + sizeof piece;
    while (from < sizeof samples / sizeof samples[0]) {
        size_t count = 0u;
        const float *next = piece;
        while (count < BEARING_HOP && from < sizeof samples / sizeof samples[0]) {
            piece[count++] = (float)samples[from++] / 32768.0f;
        }
        device_start();
        while (bearing_push(&next, &count, output, arena, state) == 1u) {
            decided++;
            instructions = device_instructions();
        }
    }
    if (decided == 0u) {
        return 1;
    }
#else
    uint32_t i;
    ram = sizeof input + sizeof output + sizeof memory;
    device_start();
    for (i = 0u; i < BEARING_INPUTS; i++) {
        input[i] = (float)samples[i] / 32768.0f;
    }
    bearing_predict(input, output, MEMORY);
    instructions = device_instructions();
#endif
    (void)printf("%s, %lu instructions, RAM %lu bytes", labels[bearing_class(output)], (unsigned long)instructions, (unsigned long)ram);
    return 0;
}
