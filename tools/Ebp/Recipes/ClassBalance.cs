using System.Globalization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The meaning of --class-weights: numbers, or the weights that let every class count the same.</summary>
internal static class ClassBalance
{
    private const string Balanced = "balanced";

    /// <summary>The option's text, if it can be understood; the data give the number of weights later.</summary>
    public static string? Check(string option, string? text)
    {
        if (text is not (null or Balanced))
        {
            foreach (string part in text.Split(','))
            {
                OptionText.Number(option, part.Trim());
            }
        }

        return text;
    }

    /// <summary>The recipe with a weight for each class of the training samples.</summary>
    /// <exception cref="ToolException">There are no classes, or not as many as weights.</exception>
    public static Recipe Resolve(Recipe recipe, TaskData data)
    {
        if (recipe.Get(TrainOptions.ClassWeights) is not { } text)
        {
            return recipe;
        }

        if (data.Classes == 0)
        {
            throw ToolException.Usage("--class-weights: the label of these data is a number to be predicted");
        }

        if (text == Balanced)
        {
            return recipe with { WeightOfClass = Balance(data.Training) };
        }

        float[] weights = Array.ConvertAll(text.Split(','), part => float.Parse(part.Trim(), CultureInfo.InvariantCulture));
        return weights.Length == data.Classes
            ? recipe with { WeightOfClass = weights }
            : throw ToolException.Usage($"--class-weights: expected {data.Classes} numbers, one a class, got {weights.Length}");
    }

    /// <summary>samples / (classes * samples of the class): their mean over the training samples is 1.</summary>
    private static float[] Balance(IBatchSource training)
    {
        int[] counts = new int[training.ClassCount];
        for (int sample = 0; sample < training.Count; sample++)
        {
            counts[training.Label(sample)]++;
        }

        return Array.ConvertAll(counts, count => count == 0 ? 0f : (float)((double)training.Count / ((double)counts.Length * count)));
    }
}
