using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop.Onnx;

/// <summary>The errors of a caller; those of a file are <see cref="IO.DataFormatException"/>.</summary>
[StackTraceHidden]
internal static class OnnxErrors
{
    [DoesNotReturn]
    public static void SeveralOutputs(int count) =>
        throw new ArgumentException($"the net has {count} outputs: only a net of one output is trained by a single loss");
}
