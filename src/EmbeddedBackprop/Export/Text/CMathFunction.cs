using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Text;

/// <summary>A function that <see cref="CMath"/> can write: printed from its formula, or with C of its own.</summary>
internal sealed class CMathFunction
{
    private readonly Lazy<LaneText>? formula;
    private readonly Lazy<(string Text, CFunctions Uses)> printed;

    /// <summary>A function with C of its own.</summary>
    public CMathFunction(CFunctions function, string name, string text, CFunctions uses = CFunctions.None)
    {
        (Function, Name) = (function, name);
        printed = new(() => (text, uses));
    }

    /// <summary>A formula of one variable.</summary>
    /// <param name="function">The function.</param>
    /// <param name="name">Its name, after "ebp_".</param>
    /// <param name="comment">Its meaning, for a reader of the C.</param>
    /// <param name="formula">The formula.</param>
    /// <param name="x">The name of its parameter.</param>
    public CMathFunction(CFunctions function, string name, string comment, Func<LaneText, LaneText> formula, string x = "x")
    {
        (Function, Name) = (function, name);
        this.formula = new(() => formula(LaneText.Input(x)));
        printed = new(() => Print(comment, $"float {x}", this.formula.Value));
    }

    /// <summary>A formula of x and n.</summary>
    public CMathFunction(CFunctions function, string name, string comment, Func<LaneText, LaneText, LaneText> formula)
    {
        (Function, Name) = (function, name);
        this.formula = new(() => formula(LaneText.Input("x"), LaneText.Input("n")));
        printed = new(() => Print(comment, "float x, float n", this.formula.Value));
    }

    /// <summary>The function.</summary>
    public CFunctions Function { get; }

    /// <summary>Its name, without the prefix.</summary>
    public string Name { get; }

    /// <summary>Its formula; null where it has C of its own.</summary>
    public LaneText? Formula => formula?.Value;

    /// <summary>Its C, with the prefix "ebp".</summary>
    public string Text => printed.Value.Text;

    /// <summary>The functions that it calls.</summary>
    public CFunctions Uses => printed.Value.Uses;

    private (string Text, CFunctions Uses) Print(string comment, string parameters, LaneText result)
    {
        CFormulaText c = CFormula.Print(1, [], new CResult("return", result));
        return ($"/* {comment} */\nstatic float ebp_{Name}({parameters})\n{{\n{c.Text}}}\n", c.Functions);
    }
}
