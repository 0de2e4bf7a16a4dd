using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.Training.Schedules;

/// <summary>Learning-rate schedules against formulas in double, at their ends, and by their bits.</summary>
[TestFixture]
internal sealed class ScheduleTests
{
    private const int StepsPerEpoch = 50;
    private const int Epochs = 30;
    private const float Rate = 0.3f;

    public static IEnumerable<string> Names => Registry.ScheduleNames;

    [Test]
    public void Constant_stays() => Check(new Constant(), _ => Rate);

    [Test]
    public void Step_falls_at_epochs() =>
        Check(new StepDecay { Every = 7, Factor = 0.5f }, step => Rate * Math.Pow(0.5, step / StepsPerEpoch / 7));

    [Test]
    public void Exponential_falls_at_every_step() =>
        Check(new Exponential { Factor = 0.9f }, step => Rate * Math.Pow(0.9f, (double)step / StepsPerEpoch));

    [Test]
    public void Cosine_falls_to_its_floor()
    {
        Cosine cosine = new() { Floor = 0.01f };
        Check(cosine, step => 0.01f + ((Rate - 0.01f) * 0.5 * (1 + Math.Cos(Math.PI * step / (StepsPerEpoch * Epochs)))));
        Assert.That(cosine.Rate(Rate, At(0)), Is.EqualTo(Rate).Within(3e-8f));
        Assert.That(cosine.Rate(Rate, At(StepsPerEpoch * Epochs)), Is.EqualTo(0.01f));
        Assert.That(cosine.Rate(Rate, At(StepsPerEpoch * Epochs * 3)), Is.EqualTo(0.01f), "beyond the end");
    }

    [Test]
    public void Warm_up_rises_to_the_other_schedule()
    {
        WarmUp warmUp = new() { Steps = 10, Then = new StepDecay { Every = 1, Factor = 0.5f } };
        Check(warmUp, step => Rate * Math.Min(1, (step + 1) / 10.0) * Math.Pow(0.5, step / StepsPerEpoch));
        Assert.That(warmUp.Rate(Rate, At(9)), Is.EqualTo(Rate), "the last step of the rise");
        Assert.That(() => new WarmUp { Then = new WarmUp() }, Throws.ArgumentException.With.Message.Contains("warm-up"));
    }

    [Test]
    public void Bits_that_every_machine_must_give()
    {
        // Written down once: another machine, runtime or vector width that rounds otherwise fails here.
        Bits.AssertEqual(
            new StepDecay { Every = 3, Factor = 0.3f }.Rate(Rate, At(StepDecayAt)),
            BitConverter.Int32BitsToSingle(StepDecayBits),
            "step");
        Bits.AssertEqual(new Exponential { Factor = 0.9f }.Rate(Rate, At(777)), BitConverter.Int32BitsToSingle(ExponentialBits), "exponential");
        Bits.AssertEqual(new Cosine { Floor = 0.001f }.Rate(Rate, At(777)), BitConverter.Int32BitsToSingle(CosineBits), "cosine");
        Bits.AssertEqual(new WarmUp { Steps = 1000 }.Rate(Rate, At(776)), BitConverter.Int32BitsToSingle(WarmUpBits), "warm-up");
    }

    [Test]
    public void A_network_without_steps_has_a_rate([ValueSource(nameof(Names))] string name) =>
        Assert.That(float.IsFinite(Registry.Schedule(name).Rate(Rate, new ScheduleTime(0, 0, 0))));

    [Test]
    public void Name_and_settings_make_its_like([ValueSource(nameof(Names))] string name)
    {
        Schedule made = Registry.Schedule(name, new ScheduleSettings { Every = 3, Factor = 0.7f, Floor = 0.02f, WarmUpSteps = 40, Then = "cosine" });
        Assert.That(made.Name, Is.EqualTo(name));
        Schedule again = Registry.Schedule(made.Name, made.Settings);
        Assert.That(again.Settings, Is.EqualTo(made.Settings));
        for (long step = 0; step < StepsPerEpoch * Epochs; step += 13)
        {
            Bits.AssertEqual(again.Rate(Rate, At(step)), made.Rate(Rate, At(step)), name);
        }
    }

    [Test]
    public void Wrong_settings_are_told()
    {
        Assert.That(() => Registry.Schedule("linear"), Throws.ArgumentException.With.Message.Contains("linear").And.Message.Contains("cosine"));
        Assert.That(
            () => Registry.Schedule("warm-up", new ScheduleSettings { Then = "warm-up" }),
            Throws.ArgumentException.With.Message.Contains("warm-up"));
        Assert.That(() => new StepDecay { Every = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("every"));
        Assert.That(() => new StepDecay { Factor = float.NaN }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("factor"));
        Assert.That(() => new Exponential { Factor = -1f }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("factor"));
        Assert.That(() => new Cosine { Floor = -1f }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("floor"));
        Assert.That(() => new WarmUp { Steps = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("warm-up steps"));
    }

    private const int StepDecayAt = 1234;
    private const int StepDecayBits = 0x37A51CEF;
    private const int ExponentialBits = 0x3D6F01A6;
    private const int CosineBits = 0x3E1175B3;
    private const int WarmUpBits = 0x3E6EB1C5;

    private static ScheduleTime At(long step) => new(step, StepsPerEpoch, Epochs);

    private static void Check(Schedule schedule, Func<long, double> expected)
    {
        for (long step = 0; step < StepsPerEpoch * Epochs; step++)
        {
            Assert.That(schedule.Rate(Rate, At(step)), Is.EqualTo(expected(step)).Within(2e-6 * expected(step)), $"{schedule.Name} at step {step}");
        }
    }
}
