using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Tests.Architecture;

/// <summary>Everything that a program outside the library can name: one line for a type, one for a member, sorted.</summary>
internal static class PublicSurface
{
    private const BindingFlags Own =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private static readonly NullabilityInfoContext Nulls = new();

    /// <summary>The lines of an assembly.</summary>
    public static string[] Of(Assembly assembly) =>
        [.. assembly.GetExportedTypes().SelectMany(Of).Order(StringComparer.Ordinal)];

    /// <summary>The lines of a type: the type itself, its bases, and its members.</summary>
    public static IEnumerable<string> Of(Type type)
    {
        string name = Name(type);
        IEnumerable<string> bases = type.GetInterfaces().Where(i => i.IsVisible).Select(i => Name(i)).Order(StringComparer.Ordinal);
        if (type.BaseType is { IsVisible: true } parent)
        {
            bases = bases.Prepend(Name(parent));
        }

        yield return $"{Kind(type)} {name} : {string.Join(", ", bases)}";
        foreach (string member in type.GetMembers(Own).Where(IsVisible).Select(Describe))
        {
            yield return $"{name} :: {member}";
        }
    }

    /// <summary>The promises of a line: the line itself, or, of a type's line, the type and each of its bases.</summary>
    public static IEnumerable<string> Promises(string line)
    {
        int bases = line.Contains(" :: ", StringComparison.Ordinal) ? -1 : line.IndexOf(" : ", StringComparison.Ordinal);
        if (bases < 0)
        {
            yield return line;
            yield break;
        }

        string head = line[..bases], name = head[(head.LastIndexOf(' ', head.Contains('<') ? head.IndexOf('<') : head.Length - 1) + 1)..];
        yield return head;
        foreach (string parent in Split(line[(bases + 3)..]))
        {
            yield return $"{name} : {parent}";
        }
    }

    /// <summary>The promises that an assembly keeps. A member that moved to a base class is still there, and so is a base of a base.</summary>
    public static IEnumerable<string> Kept(Assembly assembly) => assembly.GetExportedTypes().SelectMany(Kept);

    /// <summary>The promises that a type keeps.</summary>
    public static IEnumerable<string> Kept(Type type)
    {
        string name = Name(type);
        yield return $"{Kind(type)} {name}";
        foreach (Type parent in type.GetInterfaces().Where(i => i.IsVisible))
        {
            yield return $"{name} : {Name(parent)}";
        }

        for (Type? from = type; from is not null; from = from.BaseType)
        {
            if (from != type)
            {
                yield return $"{name} : {Name(from)}";
            }

            foreach (MemberInfo member in from.GetMembers(Own).Where(IsVisible).Where(member => from == type || member is not ConstructorInfo))
            {
                yield return $"{name} :: {Describe(member)}";
            }
        }
    }

    // At commas outside angle brackets.
    private static IEnumerable<string> Split(string types)
    {
        int depth = 0, first = 0;
        for (int i = 0; i < types.Length; i++)
        {
            depth += types[i] == '<' ? 1 : types[i] == '>' ? -1 : 0;
            if (depth == 0 && types[i] == ',')
            {
                yield return types[first..i];
                first = i + 2;
            }
        }

        if (first < types.Length)
        {
            yield return types[first..];
        }
    }

    private static string Kind(Type type) =>
        type.IsEnum ? "enum"
        : type.IsInterface ? "interface"
        : type.IsValueType ? "struct"
        : type is { IsAbstract: true, IsSealed: true } ? "static class"
        : type.IsAbstract ? "abstract class"
        : type.IsSealed ? "sealed class"
        : "class";

    private static bool IsVisible(MemberInfo member) => member switch
    {
        MethodBase method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly,
        FieldInfo field => (field.IsPublic || field.IsFamily) && !field.IsSpecialName,
        PropertyInfo or EventInfo => false, // their accessors are methods
        _ => false, // nested types have lines of their own
    };

    private static string Describe(MemberInfo member) =>
        member switch
        {
            ConstructorInfo constructor => $"{Modifiers(constructor)}.ctor({Parameters(constructor)})",
            MethodInfo method =>
                $"{Modifiers(method)}{Returned(method)} {method.Name}{Arguments(method.GetGenericArguments())}"
                + $"({Parameters(method)}){Constraints(method)}",
            FieldInfo { IsLiteral: true } field => $"const {Name(field.FieldType)} {field.Name} = {Constant(field.GetRawConstantValue())}",
            FieldInfo field =>
                $"{(field.IsStatic ? "static " : "")}{(field.IsInitOnly ? "readonly " : "")}"
                + $"{Name(field.FieldType, Nulls.Create(field))} {field.Name}",
            _ => member.ToString()!,
        };

    private static string Modifiers(MethodBase method) =>
        (method.IsPublic ? "" : "protected ")
        + (method.IsStatic ? "static " : "")
        + (
            method.IsAbstract ? "abstract "
            : method is { IsVirtual: true, IsFinal: false } ? "virtual "
            : "");

    // An accessor "init" is a method "set" whose result says so.
    private static string Returned(MethodInfo method) =>
        (method.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? "init " : "")
        + (method.ReturnType.IsByRef && method.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(InAttribute)) ? "readonly " : "")
        + Name(method.ReturnType, Nulls.Create(method.ReturnParameter));

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(Parameter));

    private static string Parameter(ParameterInfo p)
    {
        string kind = p.ParameterType.IsByRef && p.IsOut ? "out " : p.ParameterType.IsByRef && p.IsIn ? "in " : "";
        string type = Name(p.ParameterType, Nulls.Create(p));
        bool takesMore = p.IsDefined(typeof(ParamArrayAttribute), false) || p.IsDefined(typeof(ParamCollectionAttribute), false);
        return (takesMore ? "params " : "")
            + (kind.Length > 0 ? kind + type["ref ".Length..] : type)
            + $" {p.Name}{(p.IsOptional ? $" = {Constant(p.RawDefaultValue)}" : "")}";
    }

    private static string Constant(object? value) => value is null or DBNull ? "null" : Convert.ToString(value, CultureInfo.InvariantCulture)!;

    private static string Constraints(MethodInfo method) => string.Concat(method.GetGenericArguments().Select(Constraint));

    private static string Constraint(Type parameter)
    {
        GenericParameterAttributes special = parameter.GenericParameterAttributes;
        string[] types =
        [
            .. special.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint) ? ["struct"] : Array.Empty<string>(),
            .. special.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint) ? ["class"] : Array.Empty<string>(),
            .. parameter.GetGenericParameterConstraints().Where(type => type != typeof(ValueType)).Select(bound => Name(bound)),
        ];
        return types.Length == 0 ? "" : $" where {parameter.Name} : {string.Join(", ", types)}";
    }

    private static string Arguments(Type[] types, NullabilityInfo[]? nulls = null) =>
        types.Length == 0
            ? ""
            : $"<{string.Join(", ", types.Select((type, i) => Name(type, nulls is not null && nulls.Length == types.Length ? nulls[i] : null)))}>";

    /// <summary>The name of a type; behind one whose values may be null a question mark.</summary>
    private static string Name(Type type, NullabilityInfo? nulls = null)
    {
        if (type.IsByRef)
        {
            return "ref " + Name(type.GetElementType()!, nulls?.ElementType ?? nulls);
        }

        // System.Nullable says it in its name.
        string mayBeNull = !type.IsValueType && nulls is { ReadState: NullabilityState.Nullable } ? "?" : "";
        if (type.IsArray)
        {
            return Name(type.GetElementType()!, nulls?.ElementType) + "[]" + mayBeNull;
        }

        if (type.IsGenericParameter)
        {
            return type.Name + mayBeNull;
        }

        string name = (type.DeclaringType is { } outer ? Name(outer) + "." : type.Namespace + ".") + type.Name.Split('`')[0];
        return name + Arguments(type.GetGenericArguments(), nulls?.GenericTypeArguments) + mayBeNull;
    }
}
