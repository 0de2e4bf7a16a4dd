/* Output, the end of the program and the count of instructions: semihosting on Arm and RISC-V, the serial port on AVR. */
#include "device.h"

#if defined(__AVR__)
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#undef main

void device_text(const char *text)
{
    UCSR0B = (uint8_t)(1u << TXEN0);
    for (; *text != '\0'; text++) {
        while ((UCSR0A & (uint8_t)(1u << UDRE0)) == 0u) {
        }
        UDR0 = (uint8_t)*text;
    }
}

int main(void)
{
    const int code = device_main();
    device_text("\nexit ");
    device_word((uint32_t)code);
    device_text("\n");
    cli();
    sleep_enable();
    sleep_cpu(); /* without interrupts: the simulator ends */
    return code;
}
#else
#include <stdio.h>

void device_text(const char *text)
{
    (void)fputs(text, stdout);
}
#endif

void device_word(uint32_t word)
{
    char text[9];
    size_t i;
    for (i = 0u; i < 8u; i++) {
        const uint32_t digit = (word >> (28u - (4u * (uint32_t)i))) & 15u;
        text[i] = (char)(digit < 10u ? '0' + (int)digit : 'A' + (int)(digit - 10u));
    }
    text[8] = '\0';
    device_text(text);
}

#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
/* SysTick counts down from 2^24 - 1 at 25 MHz, on the emulated M33 at 20 MHz; with -icount shift=0 an instruction takes a nanosecond. */
#if defined(__ARM_ARCH_8M_MAIN__)
#define TICK 50u
#else
#define TICK 40u
#endif
#define SYSTICK ((volatile uint32_t *)0xE000E010u)

void device_start(void)
{
    SYSTICK[1] = 0xFFFFFFu;
    SYSTICK[2] = 0u;
    SYSTICK[0] = 5u; /* on, the processor's clock */
}

uint32_t device_instructions(void)
{
    const uint32_t left = SYSTICK[2];
    return (SYSTICK[0] & 0x10000u) != 0u ? 0u : (0xFFFFFFu - left) * TICK; /* bit 16: it went through 0 */
}
#elif defined(__riscv)
static uint32_t device_first;

static uint32_t device_retired(void)
{
    uint32_t count;
    __asm__ volatile(".insn i 0x73, 2, %0, x0, -1278" : "=r"(count)); /* csrr count, minstret, for assemblers without Zicsr, too */
    return count;
}

void device_start(void)
{
    device_first = device_retired();
}

uint32_t device_instructions(void)
{
    return device_retired() - device_first;
}
#elif defined(__AVR__)
/* Timer 1 counts a tick per 256 cycles of the processor. */
void device_start(void)
{
    TCCR1A = 0u;
    TCCR1B = 0u;
    TCNT1 = 0u;
    TIFR1 = (uint8_t)(1u << TOV1);
    TCCR1B = (uint8_t)(1u << CS12);
}

uint32_t device_instructions(void)
{
    const uint32_t ticks = TCNT1;
    return (TIFR1 & (uint8_t)(1u << TOV1)) != 0u ? 0u : ticks * 256u;
}
#else
void device_start(void)
{
}

uint32_t device_instructions(void)
{
    return 0u;
}
#endif
