using System.Globalization;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Random;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Export.Update;

/// <summary>
/// A learning-rate schedule in C, a function of the rate that was given and of the updates so far: integers and loops here, the formulas of
/// Training/Schedules.
/// </summary>
/// <remarks>
/// Epochs are NAME_STEPS_PER_EPOCH updates long: a device has no data set whose end it could see. Plateau is refused: it looks at a validation score,
/// which only the caller has, and the caller can multiply the model's rate.
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
    private static readonly string SeparateExpText = Separate(CMath.TextOf(CFunctions.ExpPolynomial) + "\n" + CMath.TextOf(CFunctions.Exp));

    private static readonly string[] CosineNames = ["turns", "quadrant", "y"];

    private static readonly string CosineText = $$"""
        /* cos of 2 pi turns / 2^24: the quadrant in integers, then a polynomial. */
        static float ebp_cosine_of_turns(uint32_t turns)
        {
            const uint32_t quadrant = (turns + 0x200000u) >> 22;
            const float t = (float)((int32_t)turns - (int32_t)(quadrant << 22)) * {{CText.Hex(1f / (1 << 24))}};
            float y;
            if ((quadrant & 1u) != 0u) {
        {{Separate(CFormula.Print(2, CosineNames, new CResult("y =", UnitCircle.Sine(LaneText.Input("t")))))}}    } else {
        {{Separate(CFormula.Print(2, CosineNames, new CResult("y =", UnitCircle.Cosine(LaneText.Input("t")))))}}    }
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

    /// <summary>Refuses a schedule that a device cannot run.</summary>
    /// <exception cref="NotSupportedException">The schedule has no C.</exception>
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
    /// <param name="macro">The prefix of macros.</param>
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
                AskCosine(program);
                return $"{program.Routine("cosine", CFunctions.None, CosineRateText(macro, cosine))}({rate}, {step})";
            default:
                return rate;
        }
    }

    /// <summary>Asks for ebp_cosine_of_turns(turns): cos of 2 pi turns / 2^24.</summary>
    public static void AskCosine(CProgram program)
    {
        program.Routine("separate", CFunctions.None, SeparateText);
        program.Routine("cosine_of_turns", CFunctions.None, CosineText);
    }

    /// <summary>Asks for ebp_separate_log(x): the logarithm in separate arithmetic, whatever that of the model.</summary>
    public static void AskLog(CProgram program)
    {
        program.Routine("separate", CFunctions.None, SeparateText);
        program.Routine(
            "separate_log", CFunctions.Bits, Separate(CMath.TextOf(CFunctions.Log)).Replace("ebp_log", "ebp_separate_log", StringComparison.Ordinal));
    }

    private static string WarmUpText(WarmUp warm) =>
        $$"""
            /* The rate rises in {{CText.Number(warm.Steps)}} equal parts. */
            static float ebp_warm_up(float rate, uint32_t step)
            {
                return step < {{CText.Size(warm.Steps - 1)}} ? {{Separate(
                CFormula.Expression(WarmUp.Rising(LaneText.Input("rate"), LaneText.Input("(float)(step + 1u)"), LaneText.Broadcast(warm.Steps)))
            )}} : rate;
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
        LaneText log = LaneText.Broadcast(Lane<Separate>.Log(new(exponential.Factor)).Value),
            epochs = LaneText.Input($"ebp_quotient(step, (uint32_t){macro}_STEPS_PER_EPOCH)");
        return $$"""
            /* The rate is multiplied by {{Decimal(exponential.Factor)}} over an epoch: rate * e^(log(factor) * epochs). */
            static float ebp_exponential(float rate, uint32_t step)
            {
                return {{Separate(CFormula.Expression(Exponential.Falling(LaneText.Input("rate"), log, epochs)))}};
            }

            """;
    }

    private static string CosineRateText(string macro, Cosine cosine) =>
        $$"""
            /* Half a cosine from the rate to {{Decimal(cosine.Floor)}}. */
            static float ebp_cosine(float rate, uint32_t step)
            {
                const uint64_t steps = (uint64_t){{macro}}_STEPS_PER_EPOCH * (uint64_t){{macro}}_EPOCHS;
                const uint64_t done = (uint64_t)step < steps ? (uint64_t)step : steps;
                const float cosine = ebp_cosine_of_turns((uint32_t)((done << 23) / steps));
                return {{Separate(
                CFormula.Expression(Cosine.Falling(LaneText.Input("rate"), LaneText.Broadcast(cosine.Floor), LaneText.Input("cosine")))
            )}};
            }

            """;

    private static string Separate(CFormulaText formula) => Separate(formula.Text);

    /// <summary>The same in separate arithmetic.</summary>
    private static string Separate(string text) =>
        text.Replace("EBP_M(", "ebp_separate(", StringComparison.Ordinal).Replace("ebp_exp", "ebp_separate_exp", StringComparison.Ordinal);

    private static string Decimal(float value) => value.ToString("G9", CultureInfo.InvariantCulture);
}
