using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>How routines and statements of exported C are collected.</summary>
internal sealed class CProgramTests
{
    [Test]
    public void Steps_are_numbered_from_one()
    {
        CProgram steps = new("net");
        Assert.That((steps.Hook("a"), steps.Hook("b")), Is.EqualTo(("NET_STEP(1u);", "NET_STEP(2u);")));
        Assert.That(steps.Steps, Is.EqualTo(new[] { "a", "b" }));
    }

    [Test]
    public void A_routine_is_written_once_with_the_prefix()
    {
        CProgram routines = new("net");
        Assert.That(routines.Routine("r", CFunctions.Exp, "float ebp_r(float EBP_X);\n"), Is.EqualTo("net_r"));
        Assert.That(routines.Routine("r", CFunctions.Tanh, "float ebp_r(float EBP_X);\n"), Is.EqualTo("net_r"));
        Assert.That(routines.Routines, Is.EqualTo("\nfloat net_r(float EBP_X);\n"));
        Assert.That(routines.Functions, Is.EqualTo(CFunctions.Exp | CFunctions.Tanh));
        routines.Need(CFunctions.Sin);
        Assert.That(routines.Functions, Is.EqualTo(CFunctions.Exp | CFunctions.Tanh | CFunctions.Sin));
    }

    [Test]
    public void Another_routine_of_the_same_name_gets_a_number()
    {
        CProgram routines = new("net");
        string First(string name) => $"int ebp_{name}(void);\n";
        string Second(string name) => $"long ebp_{name}(void);\n";
        string Third(string name) => $"char ebp_{name}(void);\n";
        Assert.That(routines.Routine("g", CFunctions.None, First), Is.EqualTo("net_g"));
        Assert.That(routines.Routine("g", CFunctions.None, Second), Is.EqualTo("net_g_2"));
        Assert.That(routines.Routine("g", CFunctions.None, First), Is.EqualTo("net_g"));
        Assert.That(routines.Routine("g", CFunctions.None, Third), Is.EqualTo("net_g_3"));
        Assert.That(routines.Routine("g", CFunctions.None, Second), Is.EqualTo("net_g_2"));
        Assert.That(routines.Routines, Is.EqualTo("\nint net_g(void);\n\nlong net_g_2(void);\n\nchar net_g_3(void);\n"));
    }

    [Test]
    public void Equal_constants_are_one()
    {
        CProgram constants = new("net");
        Assert.That(constants.Constant("type", "    .a = 1,\n"), Is.EqualTo("&net_type_1"));
        Assert.That(constants.Constant("type", "    .a = 2,\n"), Is.EqualTo("&net_type_2"));
        Assert.That(constants.Constant("type", "    .a = 1,\n"), Is.EqualTo("&net_type_1"));
        Assert.That(
            constants.Routines,
            Is.EqualTo("\nstatic const net_type net_type_1 = {\n    .a = 1,\n};\n\nstatic const net_type net_type_2 = {\n    .a = 2,\n};\n"));
    }

    [Test]
    public void Blocks_are_indented_and_empty_ones_left_out()
    {
        CProgram program = new("net");
        program.Gap();
        program.Open("for (;;)");
        program.Comment("before");
        program.Open("if (a)");
        program.Statement("x;");
        program.Close();
        program.Open("if (b)");
        program.Close();
        program.Statement("y;");
        program.Close();
        program.Open("");
        program.Statement("z;");
        program.Close();
        program.Gap();
        program.Copy(3, "a", "b");
        program.Copy(4, "c", "d", "int");
        string[] lines =
        [
            "    /* before */", "    for (;;) {", "        if (a) {", "            x;", "        }", "        y;", "    }",
            "    {", "        z;", "    }", "",
            "    (void)memcpy(b, a, 3u * sizeof(float));", "    (void)memcpy(d, c, 4u * sizeof(int));", "",
        ];
        Assert.That(program.TakeStatements(), Is.EqualTo(string.Join('\n', lines)));
        Assert.That(program.Statements, Is.Empty);
    }

    [Test]
    public void Formulas_have_the_prefix_and_their_functions_are_asked_for()
    {
        CProgram formulas = new("net");
        LaneText x = LaneText.Input("x");
        Assert.That(formulas.Expression(LaneText.Exp(x)), Is.EqualTo("net_exp(x)"));
        Assert.That(formulas.Functions, Is.EqualTo(CFunctions.Exp));
        formulas.Write(CFormula.Print(0, [], new CResult("return", LaneText.Tanh(x) * LaneText.Tanh(x))));
        Assert.That(formulas.Statements, Is.EqualTo("    const float t = net_tanh(x);\n    return t * t;\n"));
        Assert.That(formulas.Functions, Is.EqualTo(CFunctions.Exp | CFunctions.Tanh));
    }
}
