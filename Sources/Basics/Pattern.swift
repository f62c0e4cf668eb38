/// Whether `name` is what `pattern` says, in which `*` stands for any letters.
package func isMatch(_ name: String, _ pattern: String) -> Bool {
  let name = name[...], pattern = pattern[...]
  let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
  guard parts.count > 1, let first = parts.first, let last = parts.last else { return name == pattern }
  guard name.hasPrefix(first), name.dropFirst(first.count).hasSuffix(last) else { return false }
  var rest = name.dropFirst(first.count).dropLast(last.count)
  for part in parts.dropFirst().dropLast() where !part.isEmpty {
    guard let found = rest.firstRange(of: part) else { return false }
    rest = rest[found.upperBound...]
  }
  return true
}
