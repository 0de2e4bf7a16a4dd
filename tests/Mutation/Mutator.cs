using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using static Microsoft.CodeAnalysis.CSharp.SyntaxFactory;

namespace EmbeddedBackprop.Mutation;

/// <summary>
/// Rewrites a file so that it holds all of its mutants: <c>a &lt; b</c> becomes <c>(Mutants.Is(7) ? a &lt;= b : a &lt; b)</c>. The changed form has
/// no other mutants in it, since one is active at a time.
/// </summary>
internal sealed class Mutator(string file, int firstId, IReadOnlySet<int> leftOut) : CSharpSyntaxRewriter
{
    private readonly List<Mutant> mutants = [];

    public IReadOnlyList<Mutant> Mutants => mutants;

    /// <summary>The mutant that this node switches, or null.</summary>
    public static int? IdOf(SyntaxNode node)
    {
        ExpressionSyntax? condition = (node as ConditionalExpressionSyntax)?.Condition ?? (node as IfStatementSyntax)?.Condition;
        return condition is InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax name } } call
            && name.Identifier.Text == MutatedLibrary.Switch
            ? (int)((LiteralExpressionSyntax)call.ArgumentList.Arguments[0].Expression).Token.Value!
            : null;
    }

    public override SyntaxNode? Visit(SyntaxNode? node)
    {
        if (node is null || IsFixed(node))
        {
            return node;
        }

        SyntaxNode rewritten = base.Visit(node)!;
        if (Declares(node))
        {
            return rewritten;
        }

        if (node is ExpressionSyntax expression && HasValue(expression))
        {
            return Changes.Of(expression).Aggregate((ExpressionSyntax)rewritten, (other, change) => Switched(expression, change, other));
        }

        return node is StatementSyntax statement && Changes.CanBeLeftOut(statement) ? Optional(statement, (StatementSyntax)rewritten) : rewritten;
    }

    public override SyntaxNode? VisitExpressionStatement(ExpressionStatementSyntax node)
    {
        ExpressionSyntax rewritten = (ExpressionSyntax)Visit(node.Expression)!;
        return node.WithExpression(rewritten is ParenthesizedExpressionSyntax ? Discarded(rewritten) : rewritten);
    }

    // What the compiler or the start of the process evaluates once. The increments of `for` are left out, too: almost all of their mutants are
    // loops without an end.
    private static bool IsFixed(SyntaxNode node) => node switch
    {
        AttributeListSyntax or EnumMemberDeclarationSyntax or ParameterSyntax or PatternSyntax or SwitchLabelSyntax => true,
        FieldDeclarationSyntax field => field.Modifiers.Any(word => word.IsKind(SyntaxKind.ConstKeyword) || word.IsKind(SyntaxKind.StaticKeyword)),
        PropertyDeclarationSyntax property => property.Initializer is not null && property.Modifiers.Any(SyntaxKind.StaticKeyword),
        ConstructorDeclarationSyntax constructor => constructor.Modifiers.Any(SyntaxKind.StaticKeyword),
        LocalDeclarationStatementSyntax local => local.IsConst,
        TypeSyntax => node is not NameSyntax,
        ExpressionSyntax expression => expression.Parent is ForStatementSyntax loop && loop.Incrementors.Contains(expression),
        _ => false,
    };

    // A copy of a declared variable would be a second one.
    private static bool Declares(SyntaxNode node) =>
        node.DescendantNodesAndSelf().Any(part => part is VariableDesignationSyntax);

    // Not a variable that is written or passed by reference, and not the rest of `a?.b`.
    private static bool HasValue(ExpressionSyntax expression) => expression.Parent switch
    {
        _ when IsRestOfAccess(expression) => false,
        ArgumentSyntax argument => argument.RefKindKeyword.IsKind(SyntaxKind.None),
        AssignmentExpressionSyntax assignment => assignment.Left != expression,
        PostfixUnaryExpressionSyntax or RefExpressionSyntax => false,
        PrefixUnaryExpressionSyntax unary => unary.Kind() is not (SyntaxKind.PreIncrementExpression or SyntaxKind.PreDecrementExpression
            or SyntaxKind.AddressOfExpression),
        _ => true,
    };

    private static bool IsRestOfAccess(ExpressionSyntax expression) =>
        expression.DescendantNodesAndSelf().Any(part => part is MemberBindingExpressionSyntax or ElementBindingExpressionSyntax)
        && !expression.DescendantNodesAndSelf().Any(part => part is ConditionalAccessExpressionSyntax);

    private static AssignmentExpressionSyntax Discarded(ExpressionSyntax expression) =>
        AssignmentExpression(SyntaxKind.SimpleAssignmentExpression, IdentifierName("_"), expression);

    private static ExpressionSyntax Is(int id) => ParseExpression($"{MutatedLibrary.Switch}.Is({id.ToString(CultureInfo.InvariantCulture)})");

    private ExpressionSyntax Switched(ExpressionSyntax before, Change change, ExpressionSyntax other) =>
        Add(before, change.Kind, change.After) is int id
            ? ParenthesizedExpression(ConditionalExpression(Is(id), ParenthesizedExpression(change.After), ParenthesizedExpression(other)))
            : other;

    private StatementSyntax Optional(StatementSyntax before, StatementSyntax other) => Add(before, "statement", Block()) is int id
        ? Block(IfStatement(Is(id), Block(), ElseClause(other)))
        : other;

    // Every mutant gets its number, so that numbers stay the same when others are left out.
    private int? Add(SyntaxNode before, string kind, SyntaxNode after)
    {
        int line = before.GetLocation().GetLineSpan().StartLinePosition.Line + 1;
        int id = firstId + mutants.Count;
        mutants.Add(new(id, file, line, kind, before.ToString(), after.NormalizeWhitespace().ToString()));
        return leftOut.Contains(id) ? null : id;
    }
}
