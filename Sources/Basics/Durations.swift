extension Duration {
  /// Its length, with what a double has of it.
  package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }

  /// Whole ones; none of a duration below zero.
  package var microseconds: UInt64 { UInt64(max(0, seconds * 1e6)) }
}
