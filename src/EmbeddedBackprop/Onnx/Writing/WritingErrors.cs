using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>What cannot be said in ONNX.</summary>
[StackTraceHidden]
internal static class WritingErrors
{
    [DoesNotReturn]
    public static void UnknownOp(string node, string kind) =>
        throw new NotSupportedException($"{node}: the op '{kind}' has no form in ONNX, so the network cannot be exported");

    [DoesNotReturn]
    public static void Signal(string node, string kind) =>
        throw new NotSupportedException($"{node}: the op '{kind}' on signals has no form in ONNX; export a network that begins after the features");

    [DoesNotReturn]
    public static void UnknownFunction(string node, string function) =>
        throw new NotSupportedException($"{node}: its formula has {function}, which has no form in ONNX, so the network cannot be exported");

    [DoesNotReturn]
    public static void UnknownActivation(string node, string activation) =>
        throw new NotSupportedException($"{node}: the activation '{activation}' has no formula of single numbers, so it has no form in ONNX");

    [DoesNotReturn]
    public static void Masked(string node) =>
        throw new NotSupportedException(
            $"{node}: a mask may leave out any steps, and a recurrent op of ONNX only those at the end: a recurrent layer with a mask has no form in ONNX");

    [DoesNotReturn]
    public static void Carried(string node) =>
        throw new NotSupportedException($"{node}: a state that is carried from call to call has no form in ONNX, whose models keep nothing");

    [DoesNotReturn]
    public static void NoIntegerForm(string node, string kind) =>
        throw new NotSupportedException(
            $"{node}: the op '{kind}' on integers has no form in ONNX; leave it in floats when the network is quantised (--float {node})");
}
