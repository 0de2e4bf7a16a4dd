namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>
/// A formula read as a tree: run over this type it computes nothing, it notes what it would compute. Export prints the tree as C, with the bits of
/// <see cref="Lane{TArithmetic}"/>.
/// </summary>
/// <remarks>Integer operations on bits stay integer from node to node, so that no cast lies between two of them.</remarks>
internal readonly struct LaneText : IBitLanes<LaneText>
{
    private const uint SignBit = 0x80000000;

    private readonly Expression? node;

    private LaneText(Expression node) => this.node = node;

    /// <summary>The tree. (A lane that nothing was assigned to is 0, as for the other lanes.)</summary>
    public Expression Node => node ?? Zero.node!;

    public static LaneText Zero { get; } = new(Expression.Constant(0f));

    public static LaneText One { get; } = new(Expression.Constant(1f));

    /// <summary>A value that the formula is given.</summary>
    /// <param name="name">The variable that holds it.</param>
    /// <param name="element">The element of an array, such as <c>x[i]</c>, that the variable is read from; null if it is a variable already.</param>
    public static LaneText Input(string name, string? element = null) => new(new Expression(Operation.Input) { Name = name, Element = element });

    public static LaneText Constant(double value) => Broadcast((float)value);

    public static LaneText Broadcast(float value) => new(Expression.Constant(value));

    public static LaneText Named(LaneText x, string name) => new(new Expression(Operation.Named, x.Node) { Name = name });

    public static LaneText operator +(LaneText x, LaneText y) => Of(Operation.Add, x, y);

    public static LaneText operator -(LaneText x, LaneText y) => Of(Operation.Subtract, x, y);

    public static LaneText operator *(LaneText x, LaneText y) => Of(Operation.Multiply, x, y);

    public static LaneText operator /(LaneText x, LaneText y) => Of(Operation.Divide, x, y);

    public static LaneText operator -(LaneText x) =>
        x.Node switch
        {
            { Operation: Operation.Constant } constant => new(new Expression(Operation.Constant) { Bits = constant.Bits ^ SignBit }),
            // -|x|
            { Operation: Operation.AndBits, Bits: ~SignBit } magnitude => new(
                new Expression(Operation.OrBits, magnitude.Arguments[0]) { Bits = SignBit }),
            _ => Of(Operation.Negate, x),
        };

    public static LaneText MultiplyAdd(LaneText a, LaneText b, LaneText c) => Of(Operation.MultiplyAdd, a, b, c);

    public static LaneText SquareRoot(LaneText x) => Of(Operation.SquareRoot, x);

    public static LaneText Abs(LaneText x) => OfBits(Operation.AndBits, x, ~SignBit);

    public static LaneText IfGreater(LaneText x, LaneText y, LaneText then, LaneText otherwise) => Of(Operation.IfGreater, x, y, then, otherwise);

    public static LaneText IfNaN(LaneText x, LaneText then, LaneText otherwise) => Of(Operation.IfNaN, x, then, otherwise);

    public static LaneText Exp(LaneText x) => Call("exp", x);

    public static LaneText Log(LaneText x) => Call("log", x);

    public static LaneText Tanh(LaneText x) => Call("tanh", x);

    public static LaneText Sigmoid(LaneText x) => Call("sigmoid", x);

    public static LaneText Erf(LaneText x) => Call("erf", x);

    public static LaneText Log1P(LaneText x) => Call("log1p", x);

    public static LaneText Sin(LaneText x) => Call("sin", x);

    public static LaneText Cos(LaneText x) => Call("cos", x);

    // One exponential does for all of C: its upper end costs nothing there, a second copy of it would.
    public static LaneText ExpBelow(LaneText x) => Exp(x);

    public static LaneText ExpNormal(LaneText x) => Call("exp_normal", x);

    public static LaneText ExpPolynomial(LaneText x, LaneText n) => Call("exp_polynomial", x, n);

    public static LaneText PowerOfTwo(LaneText t) => Call("power_of_two", t);

    /// <summary>In C a branch is cheaper than computing both values of a select: the ends come first.</summary>
    public static LaneText LogEnds(LaneText x, LaneText y)
    {
        LaneText below = IfGreater(Zero, x, Constant(double.NaN), Constant(double.NegativeInfinity));
        return IfGreater(Constant(double.PositiveInfinity), x, IfGreater(x, Zero, y, below), x);
    }

    public static LaneText AddBits(LaneText x, int addend)
    {
        uint sum = (uint)addend;
        Expression argument = x.Node;
        if (argument.Operation == Operation.AddBits)
        {
            sum += argument.Bits;
            argument = argument.Arguments[0];
        }

        return new(new Expression(Operation.AddBits, argument) { Bits = sum });
    }

    public static LaneText ShiftBitsLeft(LaneText x, int count) => OfBits(Operation.ShiftLeft, x, (uint)count);

    /// <summary>
    /// The arithmetic shift of a signed number in unsigned C: the sign bit is turned over, shifted with the others, and taken off again.
    /// </summary>
    public static LaneText ShiftBitsRight(LaneText x, int count) =>
        AddBits(OfBits(Operation.ShiftRight, OfBits(Operation.XorBits, x, SignBit), (uint)count), -(int)(SignBit >> count));

    public static LaneText AndBits(LaneText x, int mask) => OfBits(Operation.AndBits, x, (uint)mask);

    public static LaneText OrBits(LaneText x, int mask) => OfBits(Operation.OrBits, x, (uint)mask);

    public static LaneText CopySign(LaneText magnitude, LaneText sign) =>
        Of(Operation.Or, OfBits(Operation.AndBits, magnitude, ~SignBit), OfBits(Operation.AndBits, sign, SignBit));

    /// <summary>A tree as a lane.</summary>
    public static LaneText Of(Expression node) => new(node);

    private static LaneText Call(string function, params LaneText[] x) =>
        new(new Expression(Operation.Call, [.. x.Select(lane => lane.Node)]) { Name = function });

    private static LaneText Of(Operation operation, params LaneText[] x) => new(new Expression(operation, [.. x.Select(lane => lane.Node)]));

    private static LaneText OfBits(Operation operation, LaneText x, uint bits) => new(new Expression(operation, x.Node) { Bits = bits });
}
