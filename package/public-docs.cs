#:package Microsoft.CodeAnalysis.CSharp
#:property PublishAot=false
#:property NoWarn=$(NoWarn);NU1603
using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

// Takes members that no other program can name out of the documentation of assemblies: the compiler writes down every comment.
// Usage: dotnet run --file package/public-docs.cs -- LIBRARY.xml...     beside LIBRARY.dll
foreach (string file in args)
{
    PortableExecutableReference assembly = MetadataReference.CreateFromFile(Path.ChangeExtension(file, ".dll"));
    string[] framework = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
    CSharpCompilation compilation = CSharpCompilation.Create(
        "docs", references: [assembly, .. framework.Select(path => MetadataReference.CreateFromFile(path))]);
    HashSet<string> visible = [.. Visible(((IAssemblySymbol)compilation.GetAssemblyOrModuleSymbol(assembly)!).GlobalNamespace)];
    XDocument documentation = XDocument.Load(file, LoadOptions.PreserveWhitespace);
    XElement[] all = [.. documentation.Root!.Element("members")!.Elements("member")];
    XElement[] hidden = [.. all.Where(member => !visible.Contains(member.Attribute("name")!.Value))];
    foreach (XElement member in hidden)
    {
        // With the line break after it.
        (member.NextNode as XText)?.Remove();
        member.Remove();
    }

    documentation.Save(file, SaveOptions.DisableFormatting);
    Console.WriteLine($"{Path.GetFileName(file)}: {all.Length - hidden.Length} public members are documented, {hidden.Length} others left out");
}

static IEnumerable<string> Visible(INamespaceOrTypeSymbol container) =>
    container.GetMembers()
        .Where(member => member is INamespaceSymbol
            || member.DeclaredAccessibility is Accessibility.Public or Accessibility.Protected or Accessibility.ProtectedOrInternal)
        .SelectMany(member => (IEnumerable<string>)
            [member.GetDocumentationCommentId()!, .. member is INamespaceOrTypeSymbol inner ? Visible(inner) : []]);
