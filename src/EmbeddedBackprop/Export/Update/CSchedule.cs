using System.Globalization;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Export.Update;

/// <summary>The C text of a learning-rate schedule: Training/Schedules, a function of the rate that was given and of the updates so far.</summary>
/// <remarks>
/// Epochs are NAME_STEPS_PER_EPOCH updates long: a device has no data set whose end it could see. Plateau is refused: it looks at a validation score, which
/// only the caller has, and the caller can multiply the model's rate.
/// </remarks>
internal static class CSchedule
{
    /// <summary>Above it the engine's quotient in double, rounded to float, is not always the quotient rounded once.</summary>
    public const long MostStepsPerEpoch = 1 << 28;

    private const string SeparateText = """
        /* a*b rounded, then + c rounded, in every model. */
        static float ebp_separate(float a, float b, float c)
        {
            const float product = a * b;
            return product + c;
        }

        """;

    // The engine's e^x in separate arithmetic, whatever that of the model.
    private static readonly string SeparateExpText = (CMath.TextOf(CFunctions.ExpPolynomial) + "\n" + CMath.TextOf(CFunctions.Exp))
        .Replace("EBP_M(", "ebp_separate(", StringComparison.Ordinal).Replace("ebp_exp", "ebp_separate_exp", StringComparison.Ordinal);

    private static readonly string CosineText = $$"""
        /* cos of 2 pi turns / 2^24: the quadrant in integers, then a polynomial. */
        static float ebp_cosine_of_turns(uint32_t turns)
        {
            const uint32_t quadrant = (turns + 0x200000u) >> 22;
            const float t = (float)((int32_t)turns - (int32_t)(quadrant << 22)) * {{CText.Hex(1f / (1 << 24))}};
            const float w = t * t;
            float y;
            if ((quadrant & 1u) != 0u) {
                y = ebp_separate(w, {{CText.Hex(-75.40161269890798f)}}, {{CText.Hex(81.59254287120305f)}});
                y = ebp_separate(w, y, {{CText.Hex(-41.34166257054726f)}});
                y = ebp_separate(w, y, {{CText.Hex(6.2831852878129455f)}});
                y = t * y;
            } else {
                y = ebp_separate(w, {{CText.Hex(59.22016898313037f)}}, {{CText.Hex(-85.44284467384024f)}});
                y = ebp_separate(w, y, {{CText.Hex(64.93931613571559f)}});
                y = ebp_separate(w, y, {{CText.Hex(-19.739208650130614f)}});
                y = ebp_separate(w, y, 1.0f);
            }
            return ((quadrant + 1u) & 2u) != 0u ? -y : y;
        }

        """;

    private const string QuotientText = """
        /* a / b rounded once, without double: 26 bits by long division, the last one set if anything is left. b below 2^31. */
        static float ebp_quotient(uint32_t a, uint32_t b)
        {
            uint32_t q = a / b;
            uint32_t rest = a % b;
            float unit = 1.0f;
            float y;
            if (a == 0u) {
                return 0.0f;
            }
            while (q < 0x2000000u) {
                rest <<= 1;
                q <<= 1;
                if (rest >= b) {
                    rest -= b;
                    q |= 1u;
                }
                unit = unit * 0.5f;
            }
            if (rest != 0u) {
                q |= 1u;
            }
            y = (float)q;
            return y * unit;
        }

        """;

    /// <summary>Refuses what a device cannot do.</summary>
    /// <exception cref="NotSupportedException">The schedule has no C text.</exception>
    /// <exception cref="ArgumentException">The schedule counts epochs, and their length is not given.</exception>
    public static void Check(Schedule schedule, long stepsPerEpoch, int epochs)
    {
        switch (schedule is WarmUp { Then: { } then } ? then : schedule)
        {
            case Constant:
                return;
            case Plateau:
                ExportErrors.ScheduleLooks(schedule.Name);
                return;
            case StepDecay or Exponential or Cosine when stepsPerEpoch is < 1 or > MostStepsPerEpoch || epochs < 1:
                ExportErrors.NoEpochs(schedule.Name, stepsPerEpoch, epochs, MostStepsPerEpoch);
                return;
            case StepDecay or Exponential or Cosine:
                return;
            default:
                ExportErrors.UnknownSchedule(schedule.Name);
                return;
        }
    }

    /// <summary>The C expression of the rate of an update.</summary>
    /// <param name="program">Where routines are asked for.</param>
    /// <param name="macro">What macros begin with.</param>
    /// <param name="schedule">The schedule.</param>
    /// <param name="rate">The C expression of the rate that the caller gave.</param>
    /// <param name="step">The C expression of the updates so far, an uint32_t.</param>
    public static string Rate(CProgram program, string macro, Schedule schedule, string rate, string step)
    {
        switch (schedule)
        {
            case WarmUp { Steps: 1 } warm:
                return Rate(program, macro, warm.Then, rate, step);
            case WarmUp warm:
                string then = Rate(program, macro, warm.Then, rate, step);
                return $"{program.Routine("warm_up", CFunctions.None, WarmUpText(warm))}({then}, {step})";
            case StepDecay decay:
                return $"{program.Routine("step_decay", CFunctions.None, StepText(macro, decay))}({rate}, {step})";
            case Exponential exponential:
                return $"{program.Routine("exponential", CFunctions.None, ExponentialText(program, macro, exponential))}({rate}, {step})";
            case Cosine cosine:
                program.Routine("separate", CFunctions.None, SeparateText);
                program.Routine("cosine_of_turns", CFunctions.None, CosineText);
                return $"{program.Routine("cosine", CFunctions.None, CosineRateText(macro, cosine))}({rate}, {step})";
            default:
                return rate;
        }
    }

    private static string WarmUpText(WarmUp warm) => $$"""
        /* The rate rises in {{CText.Number(warm.Steps)}} equal parts. */
        static float ebp_warm_up(float rate, uint32_t step)
        {
            return step < {{CText.Size(warm.Steps - 1)}} ? rate * ((float)(step + 1u) / {{CText.Hex(warm.Steps)}}) : rate;
        }

        """;

    private static string StepText(string macro, StepDecay decay) => $$"""
        /* The rate falls once in {{CText.Number(decay.Every)}} epochs, rounded at each product, until rounding holds it. */
        static float ebp_step_decay(float rate, uint32_t step)
        {
            uint32_t falls = (step / (uint32_t){{macro}}_STEPS_PER_EPOCH) / {{CText.Size(decay.Every)}};
            float before = 0.0f;
            for (; falls > 0u && (rate > before || before > rate); falls--) {
                before = rate;
                rate = rate * {{CText.Hex(decay.Factor)}};
            }
            return rate;
        }

        """;

    private static string ExponentialText(CProgram program, string macro, Exponential exponential)
    {
        program.Routine("separate", CFunctions.None, SeparateText);
        program.Routine("quotient", CFunctions.None, QuotientText);
        program.Routine("separate_exp", CFunctions.PowerOfTwo, SeparateExpText);
        return $$"""
            /* The rate is multiplied by {{Decimal(exponential.Factor)}} over an epoch: rate * e^(log(factor) * epochs). */
            static float ebp_exponential(float rate, uint32_t step)
            {
                const float exponent = {{CText.Hex(Lane<Separate>.Log(new(exponential.Factor)).Value)}} * ebp_quotient(step, (uint32_t){{macro}}_STEPS_PER_EPOCH);
                return rate * ebp_separate_exp(exponent);
            }

            """;
    }

    private static string CosineRateText(string macro, Cosine cosine) => $$"""
        /* Half a cosine from the rate to {{Decimal(cosine.Floor)}}. */
        static float ebp_cosine(float rate, uint32_t step)
        {
            const uint64_t steps = (uint64_t){{macro}}_STEPS_PER_EPOCH * (uint64_t){{macro}}_EPOCHS;
            const uint64_t done = (uint64_t)step < steps ? (uint64_t)step : steps;
            const float share = 0.5f * (1.0f + ebp_cosine_of_turns((uint32_t)((done << 23) / steps)));
            return ebp_separate(rate - {{CText.Hex(cosine.Floor)}}, share, {{CText.Hex(cosine.Floor)}});
        }

        """;

    private static string Decimal(float value) => value.ToString("G9", CultureInfo.InvariantCulture);
}
