import DitherBasics
import DitherGraph
import DitherTensor

/// A way of looking at a picture more than once: a model that has it answers with the mean over all looks.
///
/// Its properties are its parameters: keys of its item in a recipe's `views`. A view is one file and one line below.
/// Each looks at what the ones before it see. Training and validation are without them.
public protocol PictureView: Codable, Sendable, Ranged {
  /// Its name in recipes.
  static var name: String { get }
  /// The defaults, over which a recipe's parameters are laid.
  init()
  /// The looks at a picture of so many pixels, at least one each way; their shares add up to 1.
  func looks(rows: Int, columns: Int) -> [Look]
}

extension Catalog where Entry == any PictureView.Type {
  /// Every view that a recipe may name.
  public static let views = Catalog("view", [FlipView.self, ShiftView.self], name: { $0.name })
}

/// One look at a picture: its own pixels, by row and column, at other places.
public struct Look: Sendable, Equatable {
  /// The share of its answer in the mean.
  public var share: Double
  /// The row of the picture that each row shows, from 0; as many as the picture has.
  public var rows: [Int]
  /// The same of columns.
  public var columns: [Int]

  /// A look with this share of the mean.
  public init(share: Double, rows: [Int], columns: [Int]) {
    (self.share, self.rows, self.columns) = (share, rows, columns)
  }

  private static let most = 64

  /// The looks that views come to, each at what those before it see.
  /// - Parameter shape: of one example.
  /// - Throws: where examples are no pictures, or looks are too many.
  public static func all(of views: [any PictureView], at shape: Shape) throws(TrainError) -> [Look] {
    guard shape.rank == 3 else {
      throw TrainError(
        .data, at: "recipe, 'views'", expected: "pictures [channels, H, W]", got: "examples of \(shape)")
    }
    var all = [Look(share: 1, rows: Array(0..<shape[1]), columns: Array(0..<shape[2]))]
    for view in views {
      let own = view.looks(rows: shape[1], columns: shape[2])
      guard own.count * all.count <= most else {
        throw TrainError(
          .recipe, at: "recipe, 'views'", expected: "at most \(most) looks at a picture in all",
          got: "\(own.count * all.count)")
      }
      all = all.flatMap { first in
        own.map { next in
          Look(
            share: first.share * next.share, rows: next.rows.map { first.rows[$0] },
            columns: next.columns.map { first.columns[$0] })
        }
      }
    }
    return all
  }
}

extension Graph {
  /// The same network, which answers with the mean of what it says of each look; its weights are there once.
  package func viewed(by looks: [Look]) throws -> Graph {
    guard let input = inputs.first, looks.count > 1 else { return self }
    let builder = GraphBuilder(name: name), shape = Shape(input.dimensions.dropFirst().map { $0 ?? 1 })
    let x = builder.input(input.name, shape.dimensions)
    var seen: [Value] = []
    for (at, look) in looks.enumerated() {
      let rows = try builder.picked(x, look.rows, along: 2, name: "look\(at).rows")
      seen.append(try builder.picked(rows, look.columns, along: 3, name: "look\(at).columns"))
    }
    let answers = try builder.copies(of: self, on: seen.map { [$0] }, named: "look")
    var means: [(name: String, value: Value)] = []
    for (at, output) in outputs.enumerated() {
      var sum: Value?
      for (look, answer) in zip(looks, answers) {
        let share = builder.constant(.float(Tensor([], [Float(look.share)])))
        let part = try builder.multiply(answer[at], share)
        sum = try sum.map { try builder.add($0, part) } ?? part
      }
      if let sum { means.append((output.name, sum)) }
    }
    var result = builder.finish(outputs: means)
    result.metadata = metadata
    result.noise = noise
    return result
  }
}
