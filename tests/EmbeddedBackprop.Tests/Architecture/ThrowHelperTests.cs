using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Architecture;

/// <summary>
/// A method that only throws says so to the compiler and stays out of stack traces: the first line a user reads is the call that was wrong.
/// </summary>
internal sealed class ThrowHelperTests
{
    private static readonly Dictionary<short, OpCode> Instructions = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    [Test]
    public void Every_throw_helper_of_the_library_carries_both_attributes()
    {
        Type[] types = [.. typeof(Dense).Assembly.GetTypes().Where(type => !type.IsDefined(typeof(CompilerGeneratedAttribute)))];
        Assert.That(types.SelectMany(ThrowHelpers).Count(), Is.GreaterThan(70));
        Assert.That(types.SelectMany(Offences), Is.Empty);
    }

    [Test]
    public void A_helper_without_an_attribute_is_found() => Assert.That(Offences(typeof(Planted)), Is.EqualTo(new[]
    {
        "Planted.Bare lacks DoesNotReturn", "Planted.Bare lacks StackTraceHidden", "Planted.Shown lacks StackTraceHidden",
    }));

    [Test]
    public void The_stack_trace_of_an_error_begins_where_the_user_called()
    {
        ArgumentOutOfRangeException error = Assert.Throws<ArgumentOutOfRangeException>(() => _ = new Dense(0, new Activation<Identity>()))!;
        Assert.That(error.StackTrace, Does.Not.Contain("Errors.").And.Contain(nameof(The_stack_trace_of_an_error_begins_where_the_user_called)));

        // The helper's frame exists: only the printed trace leaves it out.
        Assert.That(new StackTrace(error).GetFrame(0)!.GetMethod()!.DeclaringType, Is.EqualTo(typeof(Errors)));
    }

    private static IEnumerable<string> Offences(Type type)
    {
        foreach (MethodInfo method in ThrowHelpers(type))
        {
            if (!method.IsDefined(typeof(DoesNotReturnAttribute)))
            {
                yield return $"{type.Name}.{method.Name} lacks DoesNotReturn";
            }

            if (!method.IsDefined(typeof(StackTraceHiddenAttribute)) && !type.IsDefined(typeof(StackTraceHiddenAttribute)))
            {
                yield return $"{type.Name}.{method.Name} lacks StackTraceHidden";
            }
        }
    }

    /// <summary>Static methods without a result that never return: their code has a throw and no return.</summary>
    private static IEnumerable<MethodInfo> ThrowHelpers(Type type) =>
        type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
            .Where(method => method.ReturnType == typeof(void) && method.GetMethodBody()?.GetILAsByteArray() is { } code
                && CodesOf(code) is var codes && codes.Contains(OpCodes.Throw) && !codes.Contains(OpCodes.Ret))
            .OrderBy(method => method.Name, StringComparer.Ordinal);

    private static HashSet<OpCode> CodesOf(byte[] code)
    {
        HashSet<OpCode> codes = [];
        for (int at = 0; at < code.Length;)
        {
            // Codes of two bytes begin with 0xFE.
            OpCode instruction = Instructions[code[at] == 0xFE ? (short)(0xFE00 | code[at + 1]) : code[at]];
            codes.Add(instruction);
            at += instruction.Size + instruction.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, at + instruction.Size)),
                _ => 4,
            };
        }

        return codes;
    }

    /// <summary>The control.</summary>
    private static class Planted
    {
        public static void Bare(string name) => throw new ArgumentException($"{name}: planted");

        [DoesNotReturn]
        public static void Shown(string name) => throw new ArgumentException($"{name}: planted");

        [DoesNotReturn]
        [StackTraceHidden]
        public static void Whole(string name) => throw new ArgumentException($"{name}: planted");

        public static void Returns(string name)
        {
            if (name.Length == 0)
            {
                throw new ArgumentException("planted");
            }
        }
    }
}
