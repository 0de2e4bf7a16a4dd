using System.Collections.Immutable;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>
/// The net, the data and the training: one value per option of the command line (<see cref="Options"/>), null where none was given. It is kept in the
/// model file under the options' own names, so that a training can be resumed and a model judged on the data it was made for.
/// </summary>
internal sealed record Recipe
{
    private ImmutableDictionary<RecipeOption, object> Values { get; init; } = ImmutableDictionary<RecipeOption, object>.Empty;

    /// <summary>The meaning of <see cref="TrainOptions.ClassWeights"/> for the data at hand; no option of its own.</summary>
    public float[]? WeightOfClass { get; init; }

    /// <summary>Whether training samples are held out to judge every epoch by.</summary>
    public bool HoldsOut => Get(TrainOptions.Validation) is > 0 || Says(TrainOptions.ValidationFold) || Says(TrainOptions.ValidationGroup);

    /// <summary>Reads every option's text.</summary>
    /// <exception cref="ToolException">A text does not fit its option.</exception>
    public static Recipe Parse(Func<string, string?> text)
    {
        Recipe recipe = new();
        foreach (RecipeOption option in TrainOptions.All)
        {
            recipe = recipe.Set(option, text(option.Name) is { } said ? option.Read(said) : null);
        }

        return recipe;
    }

    public bool Says(RecipeOption option) => Values.ContainsKey(option);

    /// <summary>The given value; null for none.</summary>
    public T Get<T>(RecipeOption<T> option) => Values.TryGetValue(option, out object? value) ? (T)value : default!;

    /// <summary>The given value, or the option's default.</summary>
    public T GetOrDefault<T>(RecipeOption<T> option) => Says(option) ? Get(option) : (T)option.Default!;

    /// <summary>The same with another value; null takes it away.</summary>
    public Recipe With<T>(RecipeOption<T> option, T value) => Set(option, value);

    /// <summary>The same with the values that another recipe has for these options.</summary>
    public Recipe With(Recipe other, params ReadOnlySpan<RecipeOption> options)
    {
        Recipe recipe = this;
        foreach (RecipeOption option in options)
        {
            recipe = other.Values.TryGetValue(option, out object? value) ? recipe.Set(option, value) : recipe;
        }

        return recipe;
    }

    /// <summary>The same with the default of every option that has one and was not given.</summary>
    public Recipe WithDefaults()
    {
        Recipe recipe = this;
        foreach (RecipeOption option in TrainOptions.All)
        {
            recipe = Says(option) || option.Default is null ? recipe : recipe.Set(option, option.Default);
        }

        return recipe;
    }

    /// <summary>The value as text; null for none.</summary>
    public string? Text(RecipeOption option) => Values.TryGetValue(option, out object? value) ? option.Write(value) : null;

    /// <summary>Every option that has a value, by name and as a string.</summary>
    public IEnumerable<(string Name, string Value)> Texts()
    {
        foreach (RecipeOption option in TrainOptions.All)
        {
            if (Text(option) is { } text)
            {
                yield return (option.Name, text);
            }
        }
    }

    /// <summary>The first option, other than these, that has a value; null if none has.</summary>
    public RecipeOption? Except(params RecipeOption[] allowed) =>
        TrainOptions.All.FirstOrDefault(option => Says(option) && !allowed.Contains(option));

    private Recipe Set(RecipeOption option, object? value) =>
        this with { Values = value is null ? Values.Remove(option) : Values.SetItem(option, value) };
}
