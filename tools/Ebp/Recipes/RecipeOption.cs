namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The verbs take options by groups.</summary>
internal enum OptionGroup
{
    /// <summary>Where the samples come from.</summary>
    Data,

    /// <summary>Which of the training samples are used.</summary>
    Split,

    /// <summary>The network.</summary>
    Model,

    /// <summary>How it is trained.</summary>
    Training,

    /// <summary>The treatment of gradients and of the learning rate during training, and early stopping.</summary>
    Refinements,
}

/// <summary>An option of the command line that a <see cref="Recipe"/> keeps a value of: one row of <see cref="Options"/>.</summary>
internal abstract class RecipeOption(OptionGroup group, string name, string argument, string help)
{
    public OptionGroup Group => group;

    /// <summary>The name without its two hyphens: also that of the value in model files and in --json.</summary>
    public string Name => name;

    /// <summary>The value's name in the help.</summary>
    public string Argument => argument;

    public string Help => help;

    /// <summary>The default value, if it does not depend on the data or on other options; else null.</summary>
    public abstract object? Default { get; }

    /// <summary>The value of a text; null for a text that gives the default.</summary>
    /// <exception cref="ToolException">The text does not fit the option.</exception>
    public abstract object? Read(string text);

    /// <summary>The value in one way of writing it, which <see cref="Read"/> reads.</summary>
    public abstract string Write(object value);
}

/// <typeparam name="T">The type of the value; it can be null.</typeparam>
/// <param name="group">The verbs that have it.</param>
/// <param name="name">The option's name.</param>
/// <param name="argument">The value's name in the help.</param>
/// <param name="help">Its effect.</param>
/// <param name="read">Reads the text of the option of this name.</param>
/// <param name="write">Writes a value.</param>
/// <param name="byDefault">The default value, if it is always the same.</param>
internal sealed class RecipeOption<T>(
    OptionGroup group, string name, string argument, string help, Func<string, string, T> read, Func<T, string> write, T byDefault)
    : RecipeOption(group, name, argument, help)
{
    public override object? Default => byDefault;

    public override object? Read(string text) => read(Name, text);

    public override string Write(object value) => write((T)value);
}
