using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>How a formula's tree becomes C: shared nodes, the scopes that compute them, their names.</summary>
internal sealed class CFormulaTests
{
    private static readonly LaneText X = LaneText.Input("x");
    private static readonly LaneText Y = LaneText.Input("y");

    [Test]
    public void What_is_read_once_is_written_in_place() =>
        Check("return (x - y) * EBP_SQRTF(x / (-y));\n", CFunctions.SquareRoot, (X - Y) * LaneText.SquareRoot(X / -Y));

    [Test]
    public void What_is_read_twice_is_a_variable()
    {
        LaneText difference = X - Y;
        Check("const float t = x - y;\nreturn t * t;\n", CFunctions.None, difference * difference);
    }

    [Test]
    public void What_computes_the_same_is_one_variable_however_often_it_is_written() =>
        Check("const float t = ebp_exp(x + 1.0f);\nreturn t / (1.0f + t);\n", CFunctions.Exp,
            LaneText.Exp(X + LaneText.One) / (LaneText.One + LaneText.Exp(X + LaneText.One)));

    [Test]
    public void Control_operands_in_another_order_are_another_value() =>
        Check("return (x - y) * (y - x);\n", CFunctions.None, (X - Y) * (Y - X));

    [Test]
    public void Variables_have_the_names_of_the_formula_and_no_name_twice()
    {
        LaneText density = LaneText.Named(LaneText.Exp(X), "density"),
            other = LaneText.Named(LaneText.Exp(Y), "density"),
            keyword = LaneText.Named(X * Y, "float");
        Check(
            "const float density = ebp_exp(x);\nconst float density2 = ebp_exp(y);\nconst float float2 = x * y;\nreturn ((density * density2) * float2) * x;\n",
            CFunctions.Exp,
            density * other * keyword * X);
    }

    [Test]
    public void A_name_that_is_taken_is_not_given_again() =>
        Assert.That(
            CFormula.Print(0, ["n"], new CResult("return", LaneText.Named(X * X, "n"))).Text,
            Is.EqualTo("const float new_n = x * x;\nreturn new_n;\n"));

    [Test]
    public void A_variable_has_not_the_name_of_an_input_and_variables_without_a_name_are_numbered()
    {
        LaneText t = LaneText.Input("t"), z = LaneText.One;
        LaneText[] sums = [.. Enumerable.Range(2, 6).Select(k => t + LaneText.Constant(k))];
        foreach (LaneText sum in sums)
        {
            z = z * sum * sum;
        }

        string text = CFormula.Print(0, [], new CResult("return", z)).Text;
        Assert.That(
            text.Split('\n')[..^2],
            Is.EqualTo(new[]
            {
                "const float u = t + 2.0f;", "const float v = t + 3.0f;", "const float w = t + 4.0f;", "const float t2 = t + 5.0f;",
                "const float t3 = t + 6.0f;", "const float t4 = t + 7.0f;",
            }));
    }

    [Test]
    public void Constants_with_names_come_first_and_show_both_forms()
    {
        LaneText square = LaneText.Named(X * X, "square"), half = LaneText.Named(LaneText.Constant(0.5), "half");
        Check(
            "const float half = 0x1p-1f; /* 0.5f */\nconst float square = x * x;\nreturn (square * square) * half;\n",
            CFunctions.None,
            square * square * half);
        Check(
            "const float limit = ebp_from_bits(0x7F800000u);\nreturn x * limit;\n",
            CFunctions.Bits,
            X * LaneText.Named(LaneText.Constant(double.PositiveInfinity), "limit"));
    }

    [Test]
    public void A_branch_that_is_read_twice_is_a_variable_of_its_own()
    {
        LaneText e = LaneText.Named(LaneText.Exp(X), "e"), branch = LaneText.IfGreater(X, LaneText.Zero, e * e, X);
        Check(
            "float y;\nif (x > 0.0f) {\n    const float e = ebp_exp(x);\n    y = e * e;\n} else {\n    y = x;\n}\nreturn y * y;\n",
            CFunctions.Exp,
            branch * branch);
    }

    [Test]
    public void The_bits_of_a_variable_that_is_also_read_as_a_float()
    {
        LaneText product = X * Y;
        Check(
            "const float t = x * y;\nreturn t + ebp_from_bits(ebp_bits(t) + 1u);\n",
            CFunctions.Bits,
            product + LaneText.AddBits(product, 1));
        LaneText next = LaneText.AddBits(X, 1);
        Check(
            "const float t = ebp_from_bits(ebp_bits(x) + 1u);\nreturn t + ebp_from_bits(ebp_bits(t) & 2u);\n",
            CFunctions.Bits,
            next + LaneText.AndBits(next, 2));
    }

    [Test]
    public void Functions_are_listed_however_often_they_are_called()
    {
        LaneText root = LaneText.SquareRoot(X), other = LaneText.SquareRoot(Y);
        Check("return EBP_SQRTF(x) + EBP_SQRTF(y);\n", CFunctions.SquareRoot, root + other);
        Check(
            "return (EBP_M(x, y, x) + EBP_M(y, x, y)) + (ebp_exp(x) + ebp_exp(y));\n",
            CFunctions.MultiplyAdd | CFunctions.Exp,
            LaneText.MultiplyAdd(X, Y, X) + LaneText.MultiplyAdd(Y, X, Y) + (LaneText.Exp(X) + LaneText.Exp(Y)));
        LaneText chain = LaneText.One;
        for (int k = 0; k < 3; k++)
        {
            chain = LaneText.MultiplyAdd(chain, X, LaneText.SquareRoot(Y));
        }

        Assert.That(
            CFormula.Print(0, [], new CResult("return", chain + LaneText.MultiplyAdd(X, Y, Y))).Functions,
            Is.EqualTo(CFunctions.MultiplyAdd | CFunctions.SquareRoot));
    }

    [Test]
    public void An_expression_has_no_variables()
    {
        LaneText sum = LaneText.Named(X + Y, "sum");
        CFormulaText c = CFormula.Expression(LaneText.SquareRoot(sum * sum));
        Assert.That(c.Text, Is.EqualTo("EBP_SQRTF((x + y) * (x + y))"));
        Assert.That(c.Functions, Is.EqualTo(CFunctions.SquareRoot));
    }

    [Test]
    public void Operands_of_conditions_and_of_bits_are_in_parentheses()
    {
        Check("return (x - y) > (x + y) ? x : y;\n", CFunctions.None, LaneText.IfGreater(X - Y, X + Y, X, Y));
        Check(
            "return (x + y) <= 3.40282347e+38f ? x : y;\n",
            CFunctions.None,
            LaneText.IfGreater(LaneText.Constant(double.PositiveInfinity), X + Y, X, Y));
        Check(
            "return ((ebp_bits(x) | 2u) & 0x7FFFFFFFu) > 0x7F800000u ? x : y;\n", CFunctions.Bits, LaneText.IfNaN(LaneText.OrBits(X, 2), X, Y));
        Check("return ebp_from_bits((ebp_bits(x) & 9u) | 0xAu);\n", CFunctions.Bits, LaneText.OrBits(LaneText.AndBits(X, 9), 10));
    }

    [Test]
    public void Cheap_arms_are_a_conditional_expression() =>
        Check("return x > 0.0f ? x : 0.01f * x;\n", CFunctions.None, LaneText.IfGreater(X, LaneText.Zero, X, LaneText.Constant(0.01) * X));

    [Test]
    public void What_one_arm_alone_reads_is_computed_in_that_arm()
    {
        LaneText t = LaneText.Tanh(LaneText.Constant(0.5) * X);
        LaneText select = LaneText.IfGreater(X, LaneText.Zero, X, (t + t) / (LaneText.One - t));
        Check(
            "if (x > 0.0f) {\n    y[i] = x;\n} else {\n    const float t = ebp_tanh(0.5f * x);\n    y[i] = (t + t) / (1.0f - t);\n}\n",
            CFunctions.Tanh,
            select,
            "y[i] =");
    }

    [Test]
    public void What_both_arms_read_is_computed_before_them()
    {
        LaneText t = LaneText.Tanh(X);
        Check("const float t = ebp_tanh(x);\nreturn x > 0.0f ? t : -t;\n", CFunctions.Tanh, LaneText.IfGreater(X, LaneText.Zero, t, -t));
    }

    [Test]
    public void Arms_in_arms_are_a_chain_of_ifs()
    {
        LaneText square = LaneText.Named(X * X, "square"), cube = LaneText.Named(X * X * X, "cube");
        LaneText select = LaneText.IfGreater(X, LaneText.One, square, LaneText.IfGreater(X, LaneText.Zero, cube, X));
        string text = CFormula.Print(0, [], new CResult("y =", select)).Text;
        Assert.That(text, Does.Contain("if (x > 1.0f) {\n").And.Contain("} else if (x > 0.0f) {\n").And.Contain("} else {\n    y = x;\n}\n"));
    }

    [Test]
    public void Casts_between_operations_on_bits_cancel()
    {
        LaneText bits = LaneText.AddBits(LaneText.AndBits(LaneText.AddBits(X, 5), 0x7FFFFF), 3);
        Check("return ebp_from_bits(((ebp_bits(x) + 5u) & 0x7FFFFFu) + 3u);\n", CFunctions.Bits, bits);
        Check("return ebp_from_bits(ebp_bits(x) + 8u);\n", CFunctions.Bits, LaneText.AddBits(LaneText.AddBits(X, 5), 3));
        Check("return ebp_from_bits(ebp_bits(x) | 0x80000000u);\n", CFunctions.Bits, -LaneText.Abs(X));
    }

    [Test]
    public void Bits_that_are_read_twice_as_bits_are_an_integer_variable()
    {
        LaneText bits = LaneText.AddBits(X, -7);
        Check(
            "const uint32_t bits = ebp_bits(x) - 7u;\nreturn ebp_from_bits(bits & 1u) + ebp_from_bits(bits | 2u);\n", CFunctions.Bits,
            LaneText.AndBits(bits, 1) + LaneText.OrBits(bits, 2));
    }

    [Test]
    public void An_arithmetic_shift_is_one_of_unsigned_numbers()
    {
        // As the engine shifts: bits above, the sign filled in.
        foreach (int x in (int[])[0, 1, 8388607, 8388608, int.MaxValue, int.MinValue, -1, -8388608, -8388609])
        {
            uint c = unchecked((((uint)x ^ 0x80000000u) >> 23) - 0x100u);
            Assert.That((int)c, Is.EqualTo(x >> 23));
        }

        Check("return ebp_from_bits(((ebp_bits(x) ^ 0x80000000u) >> 23) - 0x100u);\n", CFunctions.Bits, LaneText.ShiftBitsRight(X, 23));
    }

    [Test]
    public void Horners_rule_is_a_line_a_step()
    {
        LaneText p = LaneText.Constant(1);
        for (int k = 2; k < 5; k++)
        {
            p = LaneText.MultiplyAdd(p, X, LaneText.Constant(k));
        }

        Check(
            "float p = 1.0f;\np = EBP_M(p, x, 2.0f);\np = EBP_M(p, x, 3.0f);\np = EBP_M(p, x, 4.0f);\nreturn p * x;\n",
            CFunctions.MultiplyAdd,
            p * X);
    }

    [Test]
    public void Elements_are_read_in_place_once_and_by_name_more_often()
    {
        LaneText a = LaneText.Input("a", "y[i]"), z = LaneText.Input("z", "x[i]");
        CFormulaText c = CFormula.Print(0, [], new CResult("d[i] =", a * (LaneText.One - a) * z));
        Assert.That(c.Text, Is.EqualTo("const float a = y[i];\nd[i] = (a * (1.0f - a)) * x[i];\n"));
        Assert.That(c.Inputs, Is.EquivalentTo(new[] { "a", "z" }));
    }

    [Test]
    public void Results_share_values_and_no_array_is_read_after_one_was_stored()
    {
        LaneText w = LaneText.Input("w0", "w[i]"), v = LaneText.Input("v0", "v[i]"), g = LaneText.Input("g0", "g[i]");
        LaneText velocity = LaneText.Named((v * LaneText.Constant(0.9)) + g, "velocity");
        CFormulaText c = CFormula.Print(
            0,
            ["i"],
            new CResult("w[i] =", w - velocity),
            new CResult("v[i] =", velocity),
            new CResult("u[i] =", LaneText.IfGreater(g, w, w, v)));
        Assert.That(
            c.Text,
            Is.EqualTo(
                """
            const float w0 = w[i];
            const float v0 = v[i];
            const float g0 = g[i];
            const float velocity = (v0 * 0.9f) + g0;
            w[i] = w0 - velocity;
            v[i] = velocity;
            u[i] = g0 > w0 ? w0 : v0;

            """.ReplaceLineEndings("\n")));
        c = CFormula.Print(0, [], new CResult("x[i] =", g), new CResult("y[i] =", -w));
        Assert.That(c.Text, Is.EqualTo("const float w0 = w[i];\nx[i] = g[i];\ny[i] = -w0;\n"));
    }

    [TestCase(0.5f, "0.5f")]
    [TestCase(6f, "6.0f")]
    [TestCase(-0f, "-0.0f")]
    [TestCase(1e-10f, "1e-10f")]
    [TestCase(16777216f, "16777216.0f")]
    [TestCase(float.NaN, "ebp_from_bits(0x7FC00000u)")]
    [TestCase(float.NegativeInfinity, "ebp_from_bits(0xFF800000u)")]
    public void Constants_read_back_as_the_same_bits(float constant, string c) =>
        Assert.That(CFormula.Print(0, [], new CResult("return", LaneText.Broadcast(constant))).Text, Is.EqualTo($"return {c};\n"));

    [Test]
    public void Conditions_that_need_no_constant_of_infinity_and_no_library_for_NaN()
    {
        Check(
            "return x <= 3.40282347e+38f ? x : 0.0f;\n",
            CFunctions.None,
            LaneText.IfGreater(LaneText.Constant(double.PositiveInfinity), X, X, LaneText.Zero));
        Check("return (ebp_bits(x) & 0x7FFFFFFFu) > 0x7F800000u ? 0.0f : x;\n", CFunctions.Bits, LaneText.IfNaN(X, LaneText.Zero, X));
    }

    private static void Check(string text, CFunctions functions, LaneText value, string target = "return")
    {
        CFormulaText c = CFormula.Print(0, [], new CResult(target, value));
        Assert.That(c.Text, Is.EqualTo(text));
        Assert.That(c.Functions, Is.EqualTo(functions));
    }
}
