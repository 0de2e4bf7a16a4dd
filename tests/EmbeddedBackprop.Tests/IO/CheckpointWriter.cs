using System.Globalization;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>The process that is killed: writes checkpoint after checkpoint and says so after each.</summary>
internal static class CheckpointWriter
{
    /// <summary>A tensor of 2 MB: long enough to be killed within.</summary>
    private const int Length = 1 << 19;

    /// <summary>Arguments: the part's name, "atomic" or "plain", the file, the first step.</summary>
    public static void Run(string[] arguments)
    {
        bool atomic = arguments[1] == "atomic";
        string path = arguments[2];
        using Stream output = Console.OpenStandardOutput();
        for (int step = int.Parse(arguments[3], CultureInfo.InvariantCulture); ; step++)
        {
            SafetensorsWriter writer = Checkpoint(step);
            if (atomic)
            {
                writer.Save(path);
            }
            else
            {
                // Again and again: most of the time goes into writing, not into the sums, so that a kill falls into a write.
                byte[] bytes = writer.ToArray();
                for (int i = 0; i < 50; i++)
                {
                    File.WriteAllBytes(path, bytes);
                }
            }

            output.Write(System.Text.Encoding.ASCII.GetBytes(step.ToString(CultureInfo.InvariantCulture) + "\n"));
            output.Flush();
        }
    }

    /// <summary>The step that a checkpoint holds. Throws what the reader throws if it is torn.</summary>
    public static int StepOf(string path)
    {
        SafetensorsFile file = SafetensorsFile.Read(path, requireChecksums: true);
        int step = int.Parse(file.GetMetadata("step"), CultureInfo.InvariantCulture);
        float[] values = new float[Length];
        file.GetTensor("weights").CopyTo(values);
        Assert.That(values.AsSpan().IndexOfAnyExcept(step), Is.EqualTo(-1), "a checkpoint mixes two steps");
        return step;
    }

    private static SafetensorsWriter Checkpoint(int step)
    {
        float[] values = new float[Length];
        Array.Fill(values, step);
        SafetensorsWriter writer = new();
        writer.AddMetadata("step", step.ToString(CultureInfo.InvariantCulture));
        writer.Add("weights", [Length], values);
        return writer;
    }
}
