using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>A program whose project leaves an arithmetic out: in a process of its own, because the choice holds for the whole process.</summary>
internal static class OneArithmetic
{
    /// <summary>Prints the bits of a prediction, or the refusal.</summary>
    public static void Print(string leftOut, string asked)
    {
        AppContext.SetSwitch($"EmbeddedBackprop.{leftOut}", false);
        try
        {
            Console.WriteLine(Predict(Enum.Parse<Arithmetic>(asked)));
        }
        catch (NotSupportedException error)
        {
            Console.WriteLine(error.Message);
        }
    }

    public static string Predict(Arithmetic arithmetic)
    {
        using Network network = NetCompiler.Compile(
            "input 9; dense 20 tanh; dense 3", null, new NetworkOptions { Arithmetic = arithmetic, Seed = 1 });
        float[] prediction = network.Predict(Samples.Array(9, 2)).ToArray();
        return string.Join(' ', prediction.Select(BitConverter.SingleToUInt32Bits));
    }
}
