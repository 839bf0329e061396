from __future__ import annotations

import subprocess
import sys


def test_formulas_load_no_interactive_shell() -> None:
    """It comes with CEL's package, and would cost every process half a second of its start."""
    script = (
        "import sys\n"
        "from schemas.studio.formulas import formula_problem\n"
        "assert formula_problem('a * 2.0', ['a']) is None\n"
        "assert 'prompt_toolkit' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603 - the script above
