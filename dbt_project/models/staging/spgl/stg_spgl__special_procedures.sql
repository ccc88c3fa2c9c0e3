{{ spgl_special_procedures() }}
