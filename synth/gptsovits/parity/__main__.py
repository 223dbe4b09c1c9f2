from synth.gptsovits.parity.compare import main

raise SystemExit(main())
