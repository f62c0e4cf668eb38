/// A place of a model and the term of noise that is drawn there, as the site number of a `NoiseAddress`.
///
/// Nothing else makes site numbers for a model's noise, so no two draws of one model share an address: bits 0–23 say
/// the place, bits 24–27 the term, bits 28–31 whether the place is a node or an input. The first term's numbers are
/// those of models with one term.
public struct DrawSite: Hashable, Sendable {
  /// The thing that is noisy.
  public enum Place: Hashable, Sendable {
    /// A node, by its number in the graph. `kind`, below 8, says what of it: weights 0, an activation 1, a
    /// normalization 2, embeddings 3, a Dropout node 4.
    case node(Int, kind: Int)
    /// An input of the graph, by its value's index.
    case input(Int)
    /// The gradients of a parameter, by its number. Their draws have seeds of their own, one for each step.
    case gradients(Int)
  }

  /// How many nodes a graph may have.
  public static let nodeLimit = 1 << 21
  /// How many values and parameters may come before the last one that is noisy.
  public static let valueLimit = 1 << 24
  /// How many terms there may be at one place.
  public static let termLimit = 16

  /// The site of `NoiseAddress`.
  public let number: UInt32

  /// - Parameters:
  ///   - place: below `nodeLimit` or `valueLimit`.
  ///   - term: which of the terms at this place, from 0, below `termLimit`.
  public init(_ place: Place, term: Int = 0) {
    // No input reaches it: whoever places noise refuses larger graphs and models of more terms.
    func checked(_ number: Int, below limit: Int) -> UInt32 {
      precondition((0..<limit).contains(number), "a number below \(limit), got \(number)")
      return UInt32(number)
    }
    let base =
      switch place {
      case .node(let number, let kind): checked(number, below: Self.nodeLimit) << 3 | checked(kind, below: 8)
      case .input(let index): 0xFFFF_0000 ^ checked(index, below: Self.valueLimit)
      case .gradients(let number): checked(number, below: Self.valueLimit)
      }
    number = base ^ checked(term, below: Self.termLimit) << 24
  }
}
