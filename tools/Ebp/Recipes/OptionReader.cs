using System.CommandLine;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The rows of <see cref="Options"/> that a verb has, as options of its command line.</summary>
internal sealed class OptionReader
{
    private readonly Dictionary<string, Option<string>> options = new(StringComparer.Ordinal);

    /// <summary>Adds options to a verb.</summary>
    public OptionReader(Command command, params ReadOnlySpan<RecipeOption[]> groups)
    {
        foreach (RecipeOption[] group in groups)
        {
            foreach (RecipeOption row in group)
            {
                Add(command, row, row.Help);
            }
        }
    }

    /// <summary>Adds an option that means something of its own to this verb; its text is read as everywhere.</summary>
    /// <returns>The option of the command line.</returns>
    public Option<string> Add(Command command, RecipeOption row, string help)
    {
        Option<string> option = new("--" + row.Name) { Description = help, HelpName = row.Argument };
        options.Add(row.Name, option);
        command.Options.Add(option);
        return option;
    }

    /// <summary>The options of the command line.</summary>
    public Recipe Read(ParseResult parsed)
    {
        Recipe recipe = Recipe.Parse(name => options.TryGetValue(name, out Option<string>? option) ? parsed.GetValue(option) : null);
        if (recipe.Says(TrainOptions.Net) && (recipe.Says(TrainOptions.Layers) || recipe.Says(TrainOptions.Activation)))
        {
            throw ToolException.Usage($"--{(recipe.Says(TrainOptions.Layers) ? "layers" : "activation")}: --net says what the layers are");
        }

        return recipe;
    }
}
