using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.IO;

/// <summary>A setting in a string of a model file.</summary>
/// <typeparam name="T">The settings that it is one of.</typeparam>
/// <param name="Name">Its name in the string.</param>
/// <param name="Write">Its text; null where it is not set.</param>
/// <param name="Read">The settings with the value that a string has for this name, if it has one.</param>
internal sealed record SettingRow<T>(string Name, Func<T, string?> Write, Func<T, SettingsText, string, T> Read);

/// <summary>
/// The settings of losses, initialisers, optimisers and schedules in model files: one row a setting, in the order in which they are written.
/// </summary>
internal static class ModelSettings
{
    public static readonly SettingRow<LossSettings>[] Loss =
    [
        new("label-smoothing", s => SettingsText.Text(s.LabelSmoothing), (s, text, name) => s with { LabelSmoothing = text.TryFloat(name) }),
        new("weight", s => SettingsText.Text(s.Weight), (s, text, name) => s with { Weight = text.TryFloat(name) }),
        new(
            "class-weights", s => s.ClassWeights is { } weights ? string.Join(',', weights.Select(weight => SettingsText.Text(weight))) : null,
            (s, text, name) => s with { ClassWeights = text.TryFloats(name) }),
    ];

    public static readonly SettingRow<InitializerSettings>[] Initializer =
        [new("gain", s => SettingsText.Text(s.Gain), (s, text, name) => s with { Gain = text.TryFloat(name) })];

    public static readonly SettingRow<OptimizerSettings>[] Optimizer =
    [
        new("momentum", s => SettingsText.Text(s.Momentum), (s, text, name) => s with { Momentum = text.TryFloat(name) }),
        new("alpha", s => SettingsText.Text(s.Alpha), (s, text, name) => s with { Alpha = text.TryFloat(name) }),
        new("beta1", s => SettingsText.Text(s.Beta1), (s, text, name) => s with { Beta1 = text.TryFloat(name) }),
        new("beta2", s => SettingsText.Text(s.Beta2), (s, text, name) => s with { Beta2 = text.TryFloat(name) }),
        new("epsilon", s => SettingsText.Text(s.Epsilon), (s, text, name) => s with { Epsilon = text.TryFloat(name) }),
        new("decrease", s => SettingsText.Text(s.Decrease), (s, text, name) => s with { Decrease = text.TryFloat(name) }),
        new("increase", s => SettingsText.Text(s.Increase), (s, text, name) => s with { Increase = text.TryFloat(name) }),
        new("smallest-step", s => SettingsText.Text(s.SmallestStep), (s, text, name) => s with { SmallestStep = text.TryFloat(name) }),
        new("largest-step", s => SettingsText.Text(s.LargestStep), (s, text, name) => s with { LargestStep = text.TryFloat(name) }),
    ];

    public static readonly SettingRow<ScheduleSettings>[] Schedule =
    [
        new("every", s => SettingsText.Text(s.Every), (s, text, name) => s with { Every = text.TryInteger(name, 1) }),
        new("factor", s => SettingsText.Text(s.Factor), (s, text, name) => s with { Factor = text.TryFloat(name) }),
        new("floor", s => SettingsText.Text(s.Floor), (s, text, name) => s with { Floor = text.TryFloat(name) }),
        new("warm-up-steps", s => SettingsText.Text(s.WarmUpSteps), (s, text, name) => s with { WarmUpSteps = text.TryInteger(name, 1) }),
        new("then", s => s.Then, (s, text, name) => s with { Then = text.TryWord(name) }),
    ];

    /// <summary>The text of the settings after a name.</summary>
    public static string Format<T>(string head, SettingRow<T>[] rows, T settings) =>
        SettingsText.Format(head, Array.ConvertAll(rows, row => (row.Name, row.Write(settings))));

    /// <summary>The settings in a text; it may hold nothing else.</summary>
    public static T Read<T>(SettingsText text, SettingRow<T>[] rows) where T : new()
    {
        T settings = new();
        foreach (SettingRow<T> row in rows)
        {
            settings = row.Read(settings, text, row.Name);
        }

        text.End();
        return settings;
    }
}
