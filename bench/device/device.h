/* What a program that is run in an emulator may use; the same on every device and on the host. */
#ifndef DEVICE_H
#define DEVICE_H

#include <stddef.h>
#include <stdint.h>

void device_text(const char *text);

/* Eight hexadecimal digits. */
void device_word(uint32_t word);

/*
 * Instructions since device_start: on Cortex-M in steps of 40 up to 671 million, on RISC-V each. On AVR they are cycles, in steps of 256 up to
 * 16 million. 0 where nothing is counted, and above.
 */
void device_start(void);
uint32_t device_instructions(void);

#if defined(__AVR__)
#define main device_main
int device_main(void);
#endif

#endif
