using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using static Microsoft.CodeAnalysis.CSharp.SyntaxFactory;
using static Microsoft.CodeAnalysis.CSharp.SyntaxKind;

namespace EmbeddedBackprop.Mutation;

/// <summary>Another form of an expression, and the kind of the change.</summary>
internal sealed record Change(string Kind, ExpressionSyntax After);

/// <summary>
/// The changes of each expression and statement, after the standard set of dotnet-stryker. Texts are not changed: most are messages.
/// </summary>
internal static class Changes
{
    private static readonly Dictionary<SyntaxKind, (string Kind, SyntaxKind Operator, SyntaxKind[] Others)> Binary = new()
    {
        [AddExpression] = ("arithmetic", PlusToken, [SubtractExpression]),
        [SubtractExpression] = ("arithmetic", MinusToken, [AddExpression]),
        [MultiplyExpression] = ("arithmetic", AsteriskToken, [DivideExpression]),
        [DivideExpression] = ("arithmetic", SlashToken, [MultiplyExpression]),
        [ModuloExpression] = ("arithmetic", PercentToken, [MultiplyExpression]),
        [LessThanExpression] = ("comparison", LessThanToken, [LessThanOrEqualExpression, GreaterThanExpression]),
        [LessThanOrEqualExpression] = ("comparison", LessThanEqualsToken, [LessThanExpression, GreaterThanExpression]),
        [GreaterThanExpression] = ("comparison", GreaterThanToken, [GreaterThanOrEqualExpression, LessThanExpression]),
        [GreaterThanOrEqualExpression] = ("comparison", GreaterThanEqualsToken, [GreaterThanExpression, LessThanExpression]),
        [EqualsExpression] = ("comparison", EqualsEqualsToken, [NotEqualsExpression]),
        [NotEqualsExpression] = ("comparison", ExclamationEqualsToken, [EqualsExpression]),
        [LogicalAndExpression] = ("logic", AmpersandAmpersandToken, [LogicalOrExpression]),
        [LogicalOrExpression] = ("logic", BarBarToken, [LogicalAndExpression]),
        [BitwiseAndExpression] = ("bits", AmpersandToken, [BitwiseOrExpression]),
        [BitwiseOrExpression] = ("bits", BarToken, [BitwiseAndExpression]),
        [ExclusiveOrExpression] = ("bits", CaretToken, [BitwiseAndExpression]),
        [LeftShiftExpression] = ("bits", LessThanLessThanToken, [RightShiftExpression]),
        [RightShiftExpression] = ("bits", GreaterThanGreaterThanToken, [LeftShiftExpression]),
        [UnsignedRightShiftExpression] = ("bits", GreaterThanGreaterThanGreaterThanToken, [LeftShiftExpression]),
    };

    private static readonly Dictionary<SyntaxKind, (SyntaxKind Other, SyntaxKind Operator)> Assignments = new()
    {
        [AddAssignmentExpression] = (SubtractAssignmentExpression, MinusEqualsToken),
        [SubtractAssignmentExpression] = (AddAssignmentExpression, PlusEqualsToken),
        [MultiplyAssignmentExpression] = (DivideAssignmentExpression, SlashEqualsToken),
        [DivideAssignmentExpression] = (MultiplyAssignmentExpression, AsteriskEqualsToken),
        [ModuloAssignmentExpression] = (MultiplyAssignmentExpression, AsteriskEqualsToken),
        [AndAssignmentExpression] = (OrAssignmentExpression, BarEqualsToken),
        [OrAssignmentExpression] = (AndAssignmentExpression, AmpersandEqualsToken),
        [ExclusiveOrAssignmentExpression] = (AndAssignmentExpression, AmpersandEqualsToken),
        [LeftShiftAssignmentExpression] = (RightShiftAssignmentExpression, GreaterThanGreaterThanEqualsToken),
        [RightShiftAssignmentExpression] = (LeftShiftAssignmentExpression, LessThanLessThanEqualsToken),
        [CoalesceAssignmentExpression] = (SimpleAssignmentExpression, EqualsToken),
    };

    private static readonly Dictionary<string, string> Methods = Pairs(
        ("Min", "Max"), ("Floor", "Ceiling"), ("First", "Last"), ("FirstOrDefault", "LastOrDefault"), ("Any", "All"), ("Skip", "Take"),
        ("OrderBy", "OrderByDescending"), ("StartsWith", "EndsWith"));

    /// <summary>The other forms of this expression alone, without those of its parts.</summary>
    public static IEnumerable<Change> Of(ExpressionSyntax expression)
    {
        IEnumerable<Change> changes = expression switch
        {
            BinaryExpressionSyntax { RawKind: (int)CoalesceExpression } binary => [new("choice", binary.Left), new("choice", binary.Right)],
            BinaryExpressionSyntax binary when Binary.TryGetValue(binary.Kind(), out (string Kind, SyntaxKind, SyntaxKind[] Others) change) =>
                change.Others.Select(
                    other => new Change(change.Kind, BinaryExpression(other, binary.Left, Token(Binary[other].Operator), binary.Right))),
            AssignmentExpressionSyntax { Left: ExpressionSyntax left, Right: ExpressionSyntax right } assignment
                when Assignments.TryGetValue(assignment.Kind(), out (SyntaxKind Other, SyntaxKind Operator) change) =>
                [new("assignment", AssignmentExpression(change.Other, left, Token(change.Operator), right))],
            PrefixUnaryExpressionSyntax { RawKind: (int)UnaryMinusExpression or (int)LogicalNotExpression or (int)BitwiseNotExpression } unary =>
                [new("sign", unary.Operand)],
            PrefixUnaryExpressionSyntax { RawKind: (int)PreIncrementExpression } step =>
                [new("step", PrefixUnaryExpression(PreDecrementExpression, step.Operand))],
            PrefixUnaryExpressionSyntax { RawKind: (int)PreDecrementExpression } step =>
                [new("step", PrefixUnaryExpression(PreIncrementExpression, step.Operand))],
            PostfixUnaryExpressionSyntax { RawKind: (int)PostIncrementExpression } step =>
                [new("step", PostfixUnaryExpression(PostDecrementExpression, step.Operand))],
            PostfixUnaryExpressionSyntax { RawKind: (int)PostDecrementExpression } step =>
                [new("step", PostfixUnaryExpression(PostIncrementExpression, step.Operand))],
            LiteralExpressionSyntax { RawKind: (int)TrueLiteralExpression } => [new("literal", LiteralExpression(FalseLiteralExpression))],
            LiteralExpressionSyntax { RawKind: (int)FalseLiteralExpression } => [new("literal", LiteralExpression(TrueLiteralExpression))],
            ConditionalExpressionSyntax choice => [new("choice", choice.WhenTrue), new("choice", choice.WhenFalse)],
            InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax member } call
                when Methods.TryGetValue(member.Name.Identifier.Text, out string? other) =>
                [new("method", call.WithExpression(member.WithName(Renamed(member.Name, other))))],
            _ => [],
        };
        return IsWholeCondition(expression)
            ? changes.Append(new("condition", PrefixUnaryExpression(LogicalNotExpression, ParenthesizedExpression(expression))))
            : changes;
    }

    /// <summary>Whether the program may compile without this statement.</summary>
    public static bool CanBeLeftOut(StatementSyntax statement) => statement switch
    {
        ExpressionStatementSyntax or ContinueStatementSyntax or ThrowStatementSyntax or YieldStatementSyntax => true,
        BreakStatementSyntax => statement.Parent is not SwitchSectionSyntax && statement.Parent?.Parent is not SwitchSectionSyntax,
        ReturnStatementSyntax result => result.Expression is null,
        _ => false,
    };

    // Comparisons, logic and `!` have changes of their own.
    private static bool IsWholeCondition(ExpressionSyntax expression) =>
        expression.Parent is IfStatementSyntax or WhileStatementSyntax
        && (expression is not (BinaryExpressionSyntax or PrefixUnaryExpressionSyntax or LiteralExpressionSyntax) || expression.IsKind(IsExpression));

    private static SimpleNameSyntax Renamed(SimpleNameSyntax name, string other) => name is GenericNameSyntax generic
        ? generic.WithIdentifier(Identifier(other))
        : IdentifierName(other);

    private static Dictionary<string, string> Pairs(params (string One, string Other)[] pairs) =>
        pairs.Concat(pairs.Select(pair => (pair.Other, pair.One))).ToDictionary();
}
