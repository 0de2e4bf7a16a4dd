/* A recording as a microphone gives it: pieces of 100 samples, a decision every WORDS_HOP samples once a window is full. */
#include <stdio.h>
#include "device.h"
#include "recording.h"
#include "words.h"

#define PIECE 100u

static const char *const labels[] = WORDS_LABELS;
static int16_t piece[PIECE];
static float output[WORDS_OUTPUTS];
#ifdef WORDS_ARENA_FLOATS
static float arena[WORDS_ARENA_FLOATS], state[WORDS_STATE_FLOATS];
#else
static words_memory memory, *const arena = &memory;
static words_state stream, *const state = &stream;
#endif

/* A signal at rest before and after the word. */
static int16_t sample(uint32_t at)
{
    return at < sizeof recording / sizeof recording[0] ? recording[at] : 0;
}

int main(void)
{
    uint32_t at, hop = 0u;
    words_reset(state);
    for (at = 0u; at < WORDS_FIRST + (2u * WORDS_HOP); at += PIECE) {
        const int16_t *samples = piece;
        size_t count = PIECE;
        uint32_t i;
        for (i = 0u; i < PIECE; i++) {
            piece[i] = sample(at + i);
        }
        while (count > 0u) {
            uint32_t decided, instructions;
            device_start();
            decided = words_push_samples(&samples, &count, output, arena, state);
            instructions = device_instructions();
            hop = instructions > hop ? instructions : hop; /* the piece that completes a hop takes the most */
            if (decided == 1u) {
                const uint32_t best = words_class(output);
                printf("    %5lu samples: %s, %lu %%\n", (unsigned long)(at + PIECE - count), labels[best], (unsigned long)(100.0f * output[best]));
            }
        }
    }
    printf("    instructions of a hop: %lu; RAM: %lu bytes\n", (unsigned long)hop,
        (unsigned long)(sizeof piece + sizeof output + WORDS_ARENA_BYTES + WORDS_STATE_BYTES));
    return 0;
}
