using System.Reflection;

namespace EmbeddedBackprop.Tests.Architecture;

/// <summary>Everything that a program outside the library can name: one line for a type, one for a member, sorted.</summary>
internal static class PublicSurface
{
    private const BindingFlags Own =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    /// <summary>The lines of an assembly.</summary>
    public static string[] Of(Assembly assembly) =>
        [.. assembly.GetExportedTypes().SelectMany(Of).Order(StringComparer.Ordinal)];

    /// <summary>The lines of a type: the type itself, its bases, and its members.</summary>
    public static IEnumerable<string> Of(Type type)
    {
        string name = Name(type);
        IEnumerable<string> bases = type.GetInterfaces().Where(i => i.IsVisible).Select(Name).Order(StringComparer.Ordinal);
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
        int bases = line.IndexOf(" : ", StringComparison.Ordinal);
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
                $"{Modifiers(method)}{Name(method.ReturnType)} {method.Name}{Arguments(method.GetGenericArguments())}({Parameters(method)})",
            FieldInfo field => $"{(field.IsLiteral ? "const " : field.IsStatic ? "static " : "")}{Name(field.FieldType)} {field.Name}",
            _ => member.ToString()!,
        };

    private static string Modifiers(MethodBase method) =>
        (method.IsPublic ? "" : "protected ")
        + (method.IsStatic ? "static " : "")
        + (
            method.IsAbstract ? "abstract "
            : method is { IsVirtual: true, IsFinal: false } ? "virtual "
            : "");

    private static string Parameters(MethodBase method) =>
        string.Join(
            ", ",
            method.GetParameters().Select(p => $"{Name(p.ParameterType)} {p.Name}{(p.IsOptional ? $" = {p.RawDefaultValue ?? "null"}" : "")}"));

    private static string Arguments(Type[] types) => types.Length == 0 ? "" : $"<{string.Join(", ", types.Select(Name))}>";

    private static string Name(Type type)
    {
        if (type.IsByRef)
        {
            return "ref " + Name(type.GetElementType()!);
        }

        if (type.IsArray)
        {
            return Name(type.GetElementType()!) + "[]";
        }

        if (type.IsGenericParameter)
        {
            return type.Name;
        }

        string name = (type.DeclaringType is { } outer ? Name(outer) + "." : type.Namespace + ".") + type.Name.Split('`')[0];
        return name + Arguments(type.GetGenericArguments());
    }
}
