import DitherBasics

/// Faults of a sweep's or a study's file, with its name and the line.
enum PlanPlaces {
  /// - Parameters:
  ///   - text: of the file.
  ///   - file: its name, with which places of its keys begin.
  ///   - work: reads it.
  static func locating<Result>(
    _ text: String, at file: String, _ work: () throws -> Result
  ) throws -> Result {
    do { return try work() } catch let fault as any AnyFault {
      guard fault.category == .invalidArgument else { throw fault }
      // Faults of the recipe's file have places of their own.
      if let recipe = (try? RecipeTree(text))?.map["recipe"] as? String, fault.place.hasPrefix(recipe) { throw fault }
      throw TrainError(
        .recipe, at: placed(fault, text, file), expected: fault.expected, got: fault.got, advice: fault.advice)
    }
  }

  private static func placed(_ fault: any AnyFault, _ text: String, _ file: String) -> String {
    let option = "--set "
    if fault.place.hasPrefix(option) {
      // A key of the recipe that the file sets.
      let key = String(fault.place.dropFirst(option.count).prefix { $0 != ":" && $0 != "," })
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      let found = lines.indices.filter { lines[$0].contains(key) }
      return file + (found.count == 1 ? ", line \(found[0] + 1)" : "") + ", '\(key)'"
    }
    var own = fault.place.hasPrefix(file) ? fault.place.dropFirst(file.count) : ", " + fault.place
    let line = RecipeTree.line(of: fault, in: text).map { ", line \($0)" } ?? ""
    if own == ", recipe" || own.hasPrefix(", recipe, line ") { own = own.dropFirst(", recipe".count) }
    return file + line + own
  }
}
