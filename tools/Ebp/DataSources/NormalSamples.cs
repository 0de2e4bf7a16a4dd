using EmbeddedBackprop.Data;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>--normal: rows are normal or not, and only normal ones train.</summary>
internal static class NormalSamples
{
    /// <summary>The class of normal rows; all others are anomalies.</summary>
    public const int Class = 0;

    /// <summary>The table with two classes: the normal label, and all others together.</summary>
    public static FloatDataset Labelled(Recipe recipe, FloatDataset table)
    {
        if (recipe.Get(TrainOptions.Normal) is not { } normal)
        {
            return table;
        }

        int[] labels = new int[table.Count];
        for (int i = 0; i < labels.Length; i++)
        {
            int label = table.Label(i);
            string name = table.ClassNames?[label] ?? label.ToString(System.Globalization.CultureInfo.InvariantCulture);
            labels[i] = name == normal ? Class : 1;
        }

        return FloatDataset.Classified(table.Inputs.ToArray(), table.InputLength, labels, 2, table.InputNames, [normal, "others"]);
    }

    /// <summary>The normal samples of a training and of its held-out part.</summary>
    /// <exception cref="ToolException">No sample to train on is normal.</exception>
    public static (int[] Training, int[] Validation) Of(Recipe recipe, IBatchSource samples, (int[] Training, int[] Validation) split)
    {
        if (recipe.Get(TrainOptions.Normal) is not { } normal)
        {
            return split;
        }

        int[] training = Array.FindAll(split.Training, i => samples.Label(i) == Class);
        return training.Length > 0
            ? (training, Array.FindAll(split.Validation, i => samples.Label(i) == Class))
            : throw ToolException.BadInput($"{recipe.Get(TrainOptions.Data)!.Path}: no sample to train on has the label '{normal}' of --normal");
    }
}
