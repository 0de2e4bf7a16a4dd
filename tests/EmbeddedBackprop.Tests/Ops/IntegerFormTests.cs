using System.Reflection;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Every op of the engine has an integer form, moves integers as they are, or stays float because somebody decided so.</summary>
internal sealed class IntegerFormTests
{
    // A norm of each sample by itself needs a root and a division for every row; a user's own function of two values has no table of 256. Ops on
    // signals come before the layers: powers of a spectrum span more than 8 or 16 bits hold, so features are floats up to the first layer.
    private static readonly Type[] FloatByDecision =
    [
        typeof(LayerNorm), typeof(Pairwise<>), typeof(Frames), typeof(PreEmphasis), typeof(Window), typeof(Spectrum), typeof(Power),
        typeof(Magnitude), typeof(Mel), typeof(Bands), typeof(Log), typeof(Dct), typeof(Goertzel), typeof(Biquad), typeof(Decimate),
        typeof(Statistics), typeof(Begun),
    ];

    private static readonly Type[] Ops =
        [.. typeof(Op).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Op)) && !type.IsAbstract && !IsIntegerOrLoss(type))];

    [TestCaseSource(nameof(Ops))]
    public void An_op_has_an_integer_form_or_stays_float_by_decision(Type op) =>
        Assert.That(
            HasForm(op), Is.EqualTo(Array.IndexOf(FloatByDecision, op) < 0), "override Quantized or KeepsIntegers, or name the op in this test");

    [Test]
    public void An_op_that_nobody_decided_about_is_found()
    {
        Assert.That(Ops, Has.Length.GreaterThan(25));
        Assert.That(HasForm(typeof(Undecided)), Is.False);
    }

    private static bool HasForm(Type op) => Overrides(op, "Quantized") || Overrides(op, "get_KeepsIntegers");

    private static bool Overrides(Type op, string method)
    {
        MethodInfo found = op.GetMethod(method, BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)!;
        return found.DeclaringType != typeof(Op);
    }

    private static bool IsIntegerOrLoss(Type type) =>
        type.IsSubclassOf(typeof(IntegerOp)) || type.IsSubclassOf(typeof(Loss)) || type == typeof(Dequantize);

    private sealed class Undecided : Op
    {
        public override string Kind => "undecided";

        public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => inputs[0].Shape;

        public override void Forward(in OpContext<float> c) => throw new NotSupportedException();

        public override void Backward(in OpContext<float> c) => throw new NotSupportedException();

        public override void ForwardScalar(in OpContext<float> c) => throw new NotSupportedException();

        public override void BackwardScalar(in OpContext<float> c) => throw new NotSupportedException();

        public override void ForwardScalar(in OpContext<double> c) => throw new NotSupportedException();

        public override void BackwardScalar(in OpContext<double> c) => throw new NotSupportedException();
    }
}
