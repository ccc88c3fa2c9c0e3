"""What the special team (专班) and the hall write down beside the approval cases, one module per ledger.

Each module has TABLES (table → columns with their SQL types) and rows(world) → {table: rows}. A row's last value is
when it last changed; nothing after the world's last day is in it. world.sizes may ask for an exact number of something.
"""
