using System.Reflection;

namespace EmbeddedBackprop.Tests.Architecture;

/// <summary>Everything that a program outside the library can name: one line for a type, one for a member, sorted.</summary>
internal static class PublicSurface
{
    private const BindingFlags Own = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    /// <summary>The lines of an assembly.</summary>
    public static string[] Of(Assembly assembly) =>
        [.. assembly.GetExportedTypes().SelectMany(Of).Order(StringComparer.Ordinal)];

    /// <summary>The lines of a type: the type itself, its bases, and what it declares.</summary>
    public static IEnumerable<string> Of(Type type)
    {
        string name = Name(type);
        IEnumerable<string> bases = type.GetInterfaces().Where(i => i.IsVisible).Select(Name).Order(StringComparer.Ordinal);
        if (type.BaseType is { IsVisible: true } parent)
            bases = bases.Prepend(Name(parent));
        yield return $"{Kind(type)} {name} : {string.Join(", ", bases)}";
        foreach (string member in type.GetMembers(Own).Where(IsVisible).Select(Describe))
            yield return $"{name} :: {member}";
    }

    private static string Kind(Type type) =>
        type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct"
            : type is { IsAbstract: true, IsSealed: true } ? "static class" : type.IsAbstract ? "abstract class" : type.IsSealed ? "sealed class" : "class";

    private static bool IsVisible(MemberInfo member) => member switch
    {
        MethodBase method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly,
        FieldInfo field => (field.IsPublic || field.IsFamily) && !field.IsSpecialName,
        PropertyInfo or EventInfo => false, // their accessors are methods
        _ => false, // nested types have lines of their own
    };

    private static string Describe(MemberInfo member) => member switch
    {
        ConstructorInfo constructor => $"{Modifiers(constructor)}.ctor({Parameters(constructor)})",
        MethodInfo method => $"{Modifiers(method)}{Name(method.ReturnType)} {method.Name}{Arguments(method.GetGenericArguments())}({Parameters(method)})",
        FieldInfo field => $"{(field.IsLiteral ? "const " : field.IsStatic ? "static " : "")}{Name(field.FieldType)} {field.Name}",
        _ => member.ToString()!,
    };

    private static string Modifiers(MethodBase method) =>
        (method.IsPublic ? "" : "protected ") + (method.IsStatic ? "static " : "") + (method.IsAbstract ? "abstract " : method is { IsVirtual: true, IsFinal: false } ? "virtual " : "");

    private static string Parameters(MethodBase method) =>
        string.Join(", ", method.GetParameters().Select(p => $"{Name(p.ParameterType)} {p.Name}{(p.IsOptional ? $" = {p.RawDefaultValue ?? "null"}" : "")}"));

    private static string Arguments(Type[] types) => types.Length == 0 ? "" : $"<{string.Join(", ", types.Select(Name))}>";

    private static string Name(Type type)
    {
        if (type.IsByRef)
            return "ref " + Name(type.GetElementType()!);
        if (type.IsArray)
            return Name(type.GetElementType()!) + "[]";
        if (type.IsGenericParameter)
            return type.Name;
        string name = (type.DeclaringType is { } outer ? Name(outer) + "." : type.Namespace + ".") + type.Name.Split('`')[0];
        return name + Arguments(type.GetGenericArguments());
    }
}
