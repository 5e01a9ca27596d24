/// Closed classes of English that the thinning of text reads, all in lower case.
enum EnglishWords {
  /// Words of grammar. They say nothing alone, so they go first.
  static let function = WordSet(
    exact: """
      a about after again all also am an and any are as at be because been before being between both but by can
      could d did do does doing don during each few for from further had has have having he her here hers him his
      how i if in into is it its just ll m me more most my no nor not now of off on once only or other our ours
      out over own re s same she should so some such t than that the their theirs them then there these they this
      those through to too under until up ve very was we were what when where which while who whom why will with
      would you your yours
      """)

  /// What conversation is padded with: greetings, thanks, praise, hedges, and verbs and nouns that any sentence has.
  static let filler = WordSet(
    stems: """
      wow hey hi hello thanks thank great awesome cool amazing glad really definitely sure yeah yes yep yup
      absolutely nice good lot lots totally exactly sounds sound haha lol oh ah aw aww whoa ok okay well know think
      thought guess mean like got get getting go going gonna wanna want let lets see look looks looking thing things
      stuff way much many even still always never ever kind kinda sort maybe actually pretty super quite bit little
      man dude bro buddy pal bye take care talk chat chatting catch soon later hope hear heard share sharing sorry
      please welcome happy excited exciting love loved wonderful fantastic incredible inspiring inspired proud congrats
      congratulations appreciate feel feeling feels felt make makes making made keep keeps keeping tell telling said
      say saying anything something everything nothing someone everyone anyone one ones day days time times lately
      recently new today yesterday tonight u ya em gotta interesting special important means meaning remember
      reminds remind believe understand agree agreed seems seem true right best better big huge fun people life
      forward wait need come coming came back try trying able start started done give gives put
      """)

  static let firstPerson = WordSet(exact: "i my we our me us mine")
  static let secondPerson = WordSet(exact: "you your yours ya u")
  static let pronoun = WordSet(exact: "i we he she they it you")
  static let determiner = WordSet(exact: "a an the my his her their our this that some these those")
  static let preposition = WordSet(exact: "in at on from to with for of by about into near")
  static let negation = WordSet(exact: "no not never nor cannot without")
  /// How the caption of a picture begins.
  static let picture = WordSet(
    exact: "shares photo photos photography picture pictures image screenshot close")
}
