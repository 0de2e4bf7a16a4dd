using System.Globalization;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>What the command line says about checkpoints.</summary>
/// <param name="Folder">Where they are written.</param>
/// <param name="Epochs">Saves after so many epochs; 0 for by time.</param>
/// <param name="Time">Saves when so much time has passed; zero for by epochs.</param>
/// <param name="Keep">Files that are kept, the last ones.</param>
internal sealed record CheckpointRequest(string Folder, int Epochs, TimeSpan Time, int Keep)
{
    /// <summary>Null where none are asked for.</summary>
    /// <exception cref="ToolException">An option is wrong, or asks for what is not written.</exception>
    public static CheckpointRequest? Read(string? folder, string? every, string? keep)
    {
        if (folder is null)
        {
            return every is null && keep is null
                ? null
                : throw ToolException.Usage($"--checkpoint-{(every is null ? "keep" : "every")}: it goes with --checkpoints DIR");
        }

        if (folder.Length == 0)
        {
            throw ToolException.Usage("--checkpoints: expected a folder, got ''");
        }

        (int epochs, TimeSpan time) = Every(every ?? "10m");
        return new CheckpointRequest(folder, epochs, time, OptionText.Integer("checkpoint-keep", keep, 1) ?? 3);
    }

    /// <summary>Epochs, as in 5, or a time, as in 30s, 10m or 2h.</summary>
    private static (int Epochs, TimeSpan Time) Every(string text)
    {
        int unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 0 };
        string digits = unit == 0 ? text : text[..^1];
        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int count) || count < 1)
        {
            throw ToolException.Usage($"--checkpoint-every: expected epochs, as in 5, or a time, as in 30s, 10m or 2h, got '{text}'");
        }

        return unit == 0 ? (count, TimeSpan.Zero) : (0, TimeSpan.FromSeconds((double)count * unit));
    }
}
